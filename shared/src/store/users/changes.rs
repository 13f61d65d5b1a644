//! Changes of a user's record: by the user, and by a reset.

use std::collections::BTreeMap;

use super::{Marker, Users, email_key, user_key};
use crate::{
    domain::{
        clock::Timestamp,
        password::Hash,
        throttle::FailedAttempts,
        user::{Session, SessionId, User},
    },
    store::database::{Committed, Error, Item, Write, WriteOutcome, read},
};

/// What came of changing a user.
pub enum Changed {
    /// The change took place.
    Done,
    /// The user or the session that asked for the change is gone.
    Gone,
    /// The record was changed by somebody else since it was read.
    Raced,
    /// Another user has the address.
    EmailTaken,
    /// Too many wrong passwords came in meanwhile; the failures that stand now.
    Throttled(FailedAttempts),
}

impl Users {
    /// Turns `before` into `after` on behalf of `session`, together with `notices`, the mails that tell of it.
    ///
    /// Where the passwords differ, the sessions of `after` are all that is left; where the canonical addresses differ, the markers move.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn change(
        &self,
        before: &User,
        after: &User,
        session: &SessionId,
        now: Timestamp,
        notices: Vec<Write>,
    ) -> Result<Changed, Error> {
        let mut writes = vec![self.update(before, after, session, now)?];
        let moves = before.email.canonical() != after.email.canonical();
        if moves {
            let marker = Marker { id: after.id };
            writes.push(Write::put(
                &self.table,
                &email_key(&after.email),
                &marker,
                "attribute_not_exists(#pk)",
            )?);
            writes.push(
                Write::delete(&self.table, &email_key(&before.email), "#id = :id")
                    .value("id", before.id)?,
            );
        }
        writes.extend(notices);
        let refused = match writes.as_slice() {
            [alone] => match self.database.write_or_doubt(alone).await? {
                (WriteOutcome::Done, _) => return Ok(Changed::Done),
                (WriteOutcome::Refused(Some(item)), true) if was_made(&item, after)? => {
                    return Ok(Changed::Done);
                }
                (refused, _) => vec![refused],
            },
            together => match self.database.transact(together).await? {
                Committed::Done => return Ok(Changed::Done),
                Committed::Refused(outcomes) => outcomes,
            },
        };
        let mut refused = refused.into_iter();
        match (refused.next(), refused.next()) {
            (Some(WriteOutcome::Refused(item)), _) => why_not_changed(item, session, now),
            (_, Some(WriteOutcome::Refused(_))) if moves => Ok(Changed::EmailTaken),
            _ => Ok(Changed::Raced),
        }
    }

    fn update(
        &self,
        before: &User,
        after: &User,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<Write, Error> {
        let mut set = "SET #email = :email, #first_name = :first_name, #last_name = :last_name, \
                       #is_superuser = :is_superuser, #password_hash = :password_hash, #version = :next, \
                       #credentials = :credentials, #passwords = :passwords, #writer = :writer"
            .to_owned();
        let new_password = before.password.as_str() != after.password.as_str();
        if new_password {
            // Not only where the map differs: somebody may be signing in with the old password right now.
            set.push_str(", #sessions = :sessions");
        }
        set.push_str(" REMOVE #failures");
        let condition = "#version = :version AND attribute_exists(#sessions.#sid) AND \
                         (attribute_not_exists(#failures) OR #failures.#u <= :now)";
        let write = Write::update(&self.table, &user_key(before.id), &set, condition)
            .with_write_id(&after.last_write_id)
            .name("sid", session.as_str())
            .value("email", after.email.as_str())?
            .value("first_name", after.first_name.as_str())?
            .value("last_name", after.last_name.as_str())?
            .value("is_superuser", after.is_superuser)?
            .value("password_hash", after.password.as_str())?
            .value("now", now)?
            .value("version", before.record_version)?
            .value("next", after.record_version)?
            .value("credentials", after.credentials_version)?
            .value("passwords", after.password_version)?
            .value("writer", &after.last_write_id)?;
        if new_password {
            write.value("sessions", &after.sessions)
        } else {
            Ok(write)
        }
    }

    /// Gives `user` a new password by a reset: with `spent`, which uses the token up, and `notice`. Ends every session
    /// and forgets wrong passwords. Whether it took place; if not, the token was no longer good.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn reset_password(
        &self,
        user: &User,
        password: &Hash,
        spent: Write,
        notice: Write,
    ) -> Result<bool, Error> {
        let writer = self.database.new_write_id();
        let update = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #password_hash = :password_hash, #sessions = :none, #version = #version + :one, \
             #credentials = #credentials + :one, #passwords = #passwords + :one, #writer = :writer \
             REMOVE #failures",
            "attribute_exists(#pk) AND #credentials = :credentials",
        )
        .with_write_id(&writer)
        .value("password_hash", password.as_str())?
        .value("none", BTreeMap::<String, Session>::new())?
        .value("one", 1)?
        .value("credentials", user.credentials_version)?
        .value("writer", &writer)?;
        Ok(matches!(
            self.database.transact(&[update, spent, notice]).await?,
            Committed::Done
        ))
    }
}

/// Whether a change took place of which that is not known, by the record that is there now. To try it once more on a
/// record that later changes have altered would undo them, or meet a password that it was not made with.
fn was_made(item: &Item, after: &User) -> Result<bool, Error> {
    let now: User = read(item.clone())?;
    if now.record_version > after.record_version {
        return Err(Error::hidden());
    }
    Ok(now.record_version == after.record_version && now.has_same_details(after))
}

fn why_not_changed(
    item: Option<Item>,
    session: &SessionId,
    now: Timestamp,
) -> Result<Changed, Error> {
    let Some(item) = item else {
        return Ok(Changed::Gone);
    };
    let user: User = read(item)?;
    Ok(match user.failed_attempts {
        _ if !user.sessions.contains_key(session) => Changed::Gone,
        Some(failures) if failures.retry_after(now).is_some() => Changed::Throttled(failures),
        _ => Changed::Raced,
    })
}
