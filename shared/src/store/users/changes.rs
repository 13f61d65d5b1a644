//! Changes of a user's record by the user.

use super::{
    Users,
    failed_attempts::{if_unchanged, unchanged},
    user_key,
};
use crate::{
    domain::{
        clock::Timestamp,
        throttle::{FailedAttempts, PasswordCounter},
        user::{PendingEmail, SessionId, User},
    },
    store::database::{Assignments, Committed, Error, Item, Write, WriteOutcome, read},
};

/// The counter that every change by the user is conditional on.
pub(super) const COUNTER: PasswordCounter = PasswordCounter::CurrentPassword;

/// The outcome of changing a user.
pub enum Changed {
    /// The change was applied.
    Done,
    /// The user, or the session that made the request, no longer exists.
    SessionEnded,
    /// Another request changed the record since it was read.
    Raced,
    /// Another request changed the counter of wrong passwords since the record was read. Nothing else changed.
    CounterChanged,
    /// Another user has the address.
    EmailTaken,
    /// Wrong passwords were recorded in the meantime and the account is locked. Carries the counter.
    Throttled(FailedAttempts),
}

impl Users {
    /// Replaces `before` with `after` on behalf of `session`, in one transaction with `others`: the mails and events that
    /// report the change, and the mail that confirms a new address.
    ///
    /// If the passwords differ, only the sessions of `after` remain. If the canonical addresses differ, the markers move.
    pub async fn change(
        &self,
        before: &User,
        after: &User,
        session: &SessionId,
        now: Timestamp,
        others: Vec<Write>,
    ) -> Result<Changed, Error> {
        let mut writes = vec![self.update(before, after, session)?];
        let address_changes = before.email.canonical() != after.email.canonical();
        if address_changes {
            writes.push(self.take_address(after, now)?);
            writes.push(self.leave_address(after, &before.email, now)?);
        }
        writes.extend(others);
        let outcomes = match writes.as_slice() {
            [single] => match self.database.write(single).await? {
                WriteOutcome::Done => return Ok(Changed::Done),
                WriteOutcome::Ambiguous(Some(item)) if was_applied(&item, after)? => {
                    return Ok(Changed::Done);
                }
                failed => vec![failed],
            },
            several => match self.database.transact(several).await? {
                Committed::Done => return Ok(Changed::Done),
                Committed::Refused(outcomes) => outcomes,
            },
        };
        let mut outcomes = outcomes.into_iter();
        match (outcomes.next(), outcomes.next()) {
            (Some(update), _) if !update.is_done() => {
                why_not_changed(update.current_item(), before, session, now)
            }
            (_, Some(marker)) if address_changes && !marker.is_done() => Ok(Changed::EmailTaken),
            _ => Ok(Changed::Raced),
        }
    }

    fn update(&self, before: &User, after: &User, session: &SessionId) -> Result<Write, Error> {
        let mut also = Assignments::default();
        // Not only if the maps differ: someone may be logging in with the old password at this moment.
        if before.password.as_str() != after.password.as_str() {
            also.set("sessions", &after.sessions)?;
            also.set("password_changes", &after.password_changes)?;
        }
        if before.email.canonical() != after.email.canonical() {
            also.set("former_emails", &after.former_emails)?;
            also.remove("email_verified");
        }
        if before.email_changes != after.email_changes {
            also.set("email_changes", &after.email_changes)?;
        }
        if let Some(locale) = &after.locale {
            also.set("locale", locale.as_str())?;
        }
        also.set_or_remove("email_canonical", after.email.canonical_form())?;
        let pending = after.pending_email.as_ref().map(PendingEmail::from);
        also.set_or_remove("pending_email", pending)?;
        let expression = "SET #email = :email, #first_name = :first_name, #last_name = :last_name, \
             #is_superuser = :is_superuser, #password_hash = :password_hash, #version = :next, \
             #credentials = :credentials, #passwords = :passwords, #writer = :writer REMOVE #counter";
        let seen = before.failed_attempts(COUNTER);
        let condition = format!(
            "#version = :version AND attribute_exists(#sessions.#sid) AND {}",
            unchanged(seen)
        );
        let key = user_key(before.id);
        let write = Write::update_with(&self.table, &key, expression, also, &condition)
            .with_write_id(&after.last_write_id)
            .name("sid", session.as_str())
            .value("email", after.email.as_str())?
            .value("first_name", after.first_name.as_str())?
            .value("last_name", after.last_name.as_str())?
            .value("is_superuser", after.is_superuser)?
            .value("password_hash", after.password.as_str())?
            .value("version", before.record_version)?
            .value("next", after.record_version)?
            .value("credentials", after.credentials_version)?
            .value("passwords", after.password_version)?
            .value("writer", &after.last_write_id)?;
        if_unchanged(write, COUNTER, seen)
    }

    /// Notes that the user gave the right password in a request that changes nothing else: resets the counter of wrong
    /// ones, conditional on its value as it was read.
    ///
    /// A read would not do: concurrent guesses would all be verified before the first wrong one is recorded.
    pub async fn confirm_password(
        &self,
        user: &User,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<Changed, Error> {
        let write_id = self.database.new_write_id();
        let seen = user.failed_attempts(COUNTER);
        let condition = format!("attribute_exists(#sessions.#sid) AND {}", unchanged(seen));
        let write = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #writer = :writer REMOVE #counter",
            &condition,
        )
        .with_write_id(&write_id)
        .name("sid", session.as_str())
        .value("writer", &write_id)?;
        let outcome = self
            .database
            .write(&if_unchanged(write, COUNTER, seen)?)
            .await?;
        if outcome.is_done() {
            return Ok(Changed::Done);
        }
        why_not_changed(outcome.current_item(), user, session, now)
    }
}

/// Decides from the current record whether an unacknowledged update was applied. Retrying is not safe: it could
/// overwrite later changes.
fn was_applied(item: &Item, after: &User) -> Result<bool, Error> {
    let current: User = read(item.clone())?;
    if current.record_version > after.record_version {
        return Err(Error::ambiguous());
    }
    Ok(current.record_version == after.record_version && current.has_same_details(after))
}

/// Returns the reason why a change on behalf of `session` was refused, from the current record.
pub(super) fn why_not_changed(
    item: Option<Item>,
    before: &User,
    session: &SessionId,
    now: Timestamp,
) -> Result<Changed, Error> {
    let Some(item) = item else {
        return Ok(Changed::SessionEnded);
    };
    let current: User = read(item)?;
    if !current.sessions.contains_key(session) {
        return Ok(Changed::SessionEnded);
    }
    let attempts = current.failed_attempts(COUNTER);
    Ok(match attempts {
        Some(attempts) if attempts.retry_after(now).is_some() => {
            Changed::Throttled(attempts.clone())
        }
        _ if current.record_version != before.record_version => Changed::Raced,
        attempts if attempts != before.failed_attempts(COUNTER) => Changed::CounterChanged,
        _ => Changed::Raced,
    })
}
