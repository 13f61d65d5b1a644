//! Taking an account back to a former address.

use std::collections::BTreeMap;

use super::{Users, email_key};
use crate::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        user::{FormerEmail, User},
    },
    store::database::{Assignments, Committed, Error, Write},
};

/// The outcome of taking an account back.
#[derive(Debug, PartialEq, Eq)]
pub enum Reverted {
    /// The account has its former address again.
    Done,
    /// Another request changed the record since it was read. Nothing changed.
    Raced,
}

impl Users {
    /// Replaces `before` with `after`, its record with a former address, in one transaction with `others`: the end of the link, the notice
    /// and the events. A pending address is discarded. The address of `before` and the later former addresses become free, unless an
    /// earlier link reserves them.
    pub async fn revert_email(
        &self,
        before: &User,
        after: &User,
        others: Vec<Write>,
        now: Timestamp,
    ) -> Result<Reverted, Error> {
        let mut writes = vec![self.revert_update(before, after)?];
        writes.extend(others);
        let mut left: BTreeMap<String, EmailAddress> = BTreeMap::new();
        let later = before
            .former_emails
            .iter()
            .filter(|former| former.is_live(now))
            .map(FormerEmail::address);
        for address in later.chain([before.email.clone()]) {
            left.insert(email_key(&address), address);
        }
        if left.remove(&email_key(&after.email)).is_some()
            && before.email.canonical() != after.email.canonical()
        {
            writes.push(self.take_address(after, now)?);
        }
        for address in left.values() {
            let is_in_use = address.canonical() == before.email.canonical();
            if is_in_use || after.reserved_until(address, now).is_none() {
                writes.push(self.leave_address(after, address, now)?);
            }
        }
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Reverted::Done,
            Committed::Refused(_) => Reverted::Raced,
        })
    }

    fn revert_update(&self, before: &User, after: &User) -> Result<Write, Error> {
        let mut also = Assignments::default();
        also.set("password_hash", after.password.as_str())?;
        also.set("sessions", &after.sessions)?;
        also.set("passwords", after.password_version)?;
        also.remove("failures");
        also.remove("current_password_failures");
        self.verified_address_update(before, after, also)
    }
}
