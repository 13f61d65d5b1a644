//! Deleting users. Nothing revives one: every other write to a user's item is conditional on its existence, and an id is
//! never used again.

use std::collections::BTreeSet;

use super::{
    Changed, Users,
    changes::{COUNTER, why_not_changed},
    email_key,
    failed_attempts::{if_unchanged, unchanged},
    user_key, username_key,
};
use crate::{
    domain::{
        clock::Timestamp,
        user::{FormerEmail, SessionId, User},
    },
    store::database::{Committed, Error, Write},
};

impl Users {
    /// Deletes `user` on behalf of `session`, in one transaction with `others`, such as the record of the deletion: the
    /// user's item, and the markers of the username, the address and the reserved former addresses.
    pub async fn delete(
        &self,
        user: &User,
        session: &SessionId,
        now: Timestamp,
        others: Vec<Write>,
    ) -> Result<Changed, Error> {
        let seen = user.failed_attempts(COUNTER);
        let condition = format!(
            "#version = :version AND attribute_exists(#sessions.#sid) AND {}",
            unchanged(seen)
        );
        let record = Write::delete(&self.table, &user_key(user.id), &condition)
            .name("sid", session.as_str())
            .value("version", user.record_version)?;
        let record = if_unchanged(record, COUNTER, seen)?;
        match self.delete_with_markers(user, record, now, others).await? {
            Committed::Done => Ok(Changed::Done),
            Committed::Refused(outcomes) => {
                let record = outcomes
                    .into_iter()
                    .next()
                    .filter(|outcome| !outcome.is_done());
                match record {
                    Some(record) => why_not_changed(record.current_item(), user, session, now),
                    None => Ok(Changed::Raced),
                }
            }
        }
    }

    /// Deletes `user` on behalf of an operator, as [`Self::delete`] does. Returns false, and deletes nothing, if the record
    /// or a marker has changed since `user` was read.
    pub async fn remove(
        &self,
        user: &User,
        now: Timestamp,
        others: Vec<Write>,
    ) -> Result<bool, Error> {
        let record = Write::delete(&self.table, &user_key(user.id), "#version = :version")
            .value("version", user.record_version)?;
        let deleted = self.delete_with_markers(user, record, now, others).await?;
        Ok(deleted.is_done())
    }

    async fn delete_with_markers(
        &self,
        user: &User,
        record: Write,
        now: Timestamp,
        others: Vec<Write>,
    ) -> Result<Committed, Error> {
        self.release_expired_addresses(user, now).await?;
        let reserved = user
            .former_emails
            .iter()
            .filter(|former| former.is_live(now))
            .map(FormerEmail::address);
        let markers: BTreeSet<_> = reserved
            .chain([user.email.clone()])
            .map(|address| email_key(&address))
            .chain([username_key(&user.username)])
            .collect();
        let mut writes = vec![record];
        for marker in markers {
            writes.push(Write::delete(&self.table, &marker, "#id = :id").value("id", user.id)?);
        }
        writes.extend(others);
        self.database.transact(&writes).await
    }
}
