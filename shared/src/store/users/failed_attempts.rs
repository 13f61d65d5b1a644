//! Counters of wrong passwords in a user's record.
//!
//! Every write that follows a right password is conditional on the counter as it was read: concurrent attempts take
//! effect one after another, however many passwords were verified at the same time.

use super::{Users, user_key};
use crate::{
    domain::{
        throttle::{FailedAttempts, PasswordCounter, Recorded},
        user::User,
    },
    store::database::{Error, Write, read},
};

/// The attribute that holds `counter`.
pub(super) const fn attribute(counter: PasswordCounter) -> &'static str {
    match counter {
        PasswordCounter::LogIn => "failures",
        PasswordCounter::CurrentPassword => "current_password_failures",
    }
}

/// The condition that the counter still has the value `seen`. Its placeholders are set by [`if_unchanged`]. The attributes are compared one
/// by one, so that a counter can get another one that an earlier version of the functions does not know.
pub(super) const fn unchanged(seen: Option<&FailedAttempts>) -> &'static str {
    match seen {
        Some(_) => "(#counter.#n = :seen_count AND #counter.#u = :seen_lock)",
        None => "attribute_not_exists(#counter)",
    }
}

/// Sets the placeholders of [`unchanged`].
pub(super) fn if_unchanged(
    write: Write,
    counter: PasswordCounter,
    seen: Option<&FailedAttempts>,
) -> Result<Write, Error> {
    let write = write.name("counter", attribute(counter));
    match seen {
        Some(seen) => write
            .value("seen_count", seen.count)?
            .value("seen_lock", seen.locked_until),
        None => Ok(write),
    }
}

impl Users {
    /// Stores `next`, the state of `counter` after one more wrong password of `user`, if the counter still has the value
    /// `seen` and the credentials are those that the password was compared with. Otherwise writes nothing, and returns the
    /// counter's current value or [`Recorded::Outdated`].
    pub async fn record_failed_attempt(
        &self,
        user: &User,
        counter: PasswordCounter,
        seen: Option<&FailedAttempts>,
        next: &FailedAttempts,
    ) -> Result<Recorded, Error> {
        let write_id = self.database.new_write_id();
        let condition = format!("#credentials = :credentials AND {}", unchanged(seen));
        let write = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #counter = :next, #writer = :writer",
            &condition,
        )
        .with_write_id(&write_id)
        .value("credentials", user.credentials_version)?
        .value("next", next)?
        .value("writer", &write_id)?;
        let write = if_unchanged(write, counter, seen)?;
        let outcome = self.database.write(&write).await?;
        if outcome.is_done() {
            return Ok(Recorded::Done);
        }
        let Some(item) = outcome.current_item() else {
            return Ok(Recorded::Outdated);
        };
        let current: User = read(item)?;
        if current.credentials_version != user.credentials_version {
            return Ok(Recorded::Outdated);
        }
        Ok(Recorded::Overtaken(
            current.failed_attempts(counter).cloned(),
        ))
    }
}
