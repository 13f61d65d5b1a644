//! Disabled accounts, which only the operator sees. `admin` alone makes these writes; no function makes them.

use std::collections::BTreeMap;

use super::{Marker, Users, email_key, user_key, username_key};
use crate::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        user::{Session, User},
        user_event::EventKind,
        user_id::UserId,
        username::Username,
    },
    store::{
        database::{Committed, Error, Write, WriteOutcome},
        user_events::UserEvents,
    },
};

/// Maximum attempts while the user changes the record.
const MAX_ATTEMPTS: u32 = 5;

/// The outcome of an operator's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorOutcome {
    /// The change was applied, with the writes that came with it.
    Done,
    /// The user was in the wanted state already. Nothing was written.
    Unchanged,
    /// There is no such user. Nothing was written.
    NotFound,
}

/// The reads of [`Users`] for the operator: they return disabled users, too.
pub struct AllUsers<'a>(&'a Users);

impl AllUsers<'_> {
    /// Returns the user with this id.
    pub async fn by_id(&self, id: UserId) -> Result<Option<User>, Error> {
        let Users { database, table } = self.0;
        database.get(table, &user_key(id)).await
    }

    /// Returns the id of the user with this address.
    pub async fn id_by_email(&self, email: &EmailAddress) -> Result<Option<UserId>, Error> {
        let marker = self.0.marker(&email_key(email)).await?;
        Ok(marker.map(|marker| marker.id))
    }

    /// Returns the id of the user with this username.
    pub async fn id_by_username(&self, username: &Username) -> Result<Option<UserId>, Error> {
        let marker = self.0.marker(&username_key(username)).await?;
        Ok(marker.map(|marker| marker.id))
    }
}

/// Changes by the operator have one shape: they take the user's id and `also`, further writes such as the record of the
/// change in the audit trail, read the user, and carry out everything in one transaction, which is repeated if a concurrent
/// request changed the user first. If there is nothing to change, `also` is not written.
///
/// # Errors
/// [`Error`] if a request fails, if the record keeps changing, or if the condition of another write than the user's own
/// fails.
impl Users {
    /// The reads for the operator, which return disabled users, too.
    #[must_use]
    pub const fn with_disabled(&self) -> AllUsers<'_> {
        AllUsers(self)
    }

    /// Disables `user` at `now`: functions treat the account as unknown, but its names stay in use. Ends every session.
    /// Log-ins, changes and resets in progress fail, and reset links become invalid for good. While the account is
    /// disabled, no link of any kind is valid. The event is queued in `events`.
    pub async fn disable(
        &self,
        user: UserId,
        now: Timestamp,
        events: &UserEvents,
        also: &[Write],
    ) -> Result<OperatorOutcome, Error> {
        self.set_disabled(user, true, now, events, also).await
    }

    /// Enables `user` again. Its sessions stay ended. Confirmation and revert links from before are valid again until they
    /// expire: a thief who changed the address must not gain from the time in which the account was disabled.
    pub async fn enable(
        &self,
        user: UserId,
        now: Timestamp,
        events: &UserEvents,
        also: &[Write],
    ) -> Result<OperatorOutcome, Error> {
        self.set_disabled(user, false, now, events, also).await
    }

    async fn set_disabled(
        &self,
        user: UserId,
        is_disabled: bool,
        now: Timestamp,
        events: &UserEvents,
        also: &[Write],
    ) -> Result<OperatorOutcome, Error> {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(before) = self.with_disabled().by_id(user).await? else {
                return Ok(OperatorOutcome::NotFound);
            };
            if before.is_disabled() == is_disabled {
                return Ok(OperatorOutcome::Unchanged);
            }
            let (disabled_at, kind) = if is_disabled {
                (Some(now), EventKind::Disabled)
            } else {
                (None, EventKind::Enabled)
            };
            let mut writes = self.disabling(&before, disabled_at)?;
            writes.extend(events.of_kinds(&[kind], user, before.next_version(), now)?);
            writes.extend_from_slice(also);
            match self.database.transact(&writes).await? {
                Committed::Done => return Ok(OperatorOutcome::Done),
                Committed::Refused(outcomes) if is_first_done(&outcomes) => {
                    return Err(Error::other_condition_failed());
                }
                Committed::Refused(_) => self.database.back_off(attempt).await,
            }
        }
        Err(Error::keeps_changing())
    }

    /// Returns the writes of the record, the first one, and of both markers.
    fn disabling(
        &self,
        before: &User,
        disabled_at: Option<Timestamp>,
    ) -> Result<Vec<Write>, Error> {
        let write_id = self.database.new_write_id();
        let expression = if disabled_at.is_some() {
            "SET #disabled_at = :now, #sessions = :none, #credentials = #credentials + :one, \
             #version = :next, #writer = :writer"
        } else {
            "SET #version = :next, #writer = :writer REMOVE #disabled_at"
        };
        let key = user_key(before.id);
        let mut update = Write::update(&self.table, &key, expression, "#version = :version")
            .with_write_id(&write_id)
            .value("version", before.record_version)?
            .value("next", before.next_version())?
            .value("writer", &write_id)?;
        if let Some(now) = disabled_at {
            update = update
                .value("now", now)?
                .value("one", 1)?
                .value("none", BTreeMap::<String, Session>::new())?;
        }
        let after = User {
            disabled_at,
            ..before.clone()
        };
        let marker = |key: &str| {
            // Creates a marker that is missing: a damaged table must not keep an account in use.
            let own = "attribute_not_exists(#pk) OR #id = :id";
            Write::put(&self.table, key, Marker::of(&after), own)?.value("id", before.id)
        };
        Ok(vec![
            update,
            marker(&email_key(&before.email))?,
            marker(&username_key(&before.username))?,
        ])
    }
}

/// Returns true if the condition of the first write held, so that another one failed.
pub(super) fn is_first_done(outcomes: &[WriteOutcome]) -> bool {
    outcomes.first().is_some_and(WriteOutcome::is_done)
}
