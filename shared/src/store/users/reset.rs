//! Setting a new password by the link in a reset mail.

use std::collections::BTreeMap;

use super::{Users, user_key};
use crate::{
    domain::{
        password::Hash,
        user::{Session, User},
    },
    store::database::{Committed, Error, Write},
};

/// The outcome of a reset.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    /// The password is set.
    Done,
    /// The link was no longer valid. Nothing changed.
    InvalidLink,
    /// Another request changed the record since it was read. Nothing changed.
    Raced,
}

impl Users {
    /// Sets a new password of `user` by a reset, in one transaction with `consumed`, which consumes the token, and `others`,
    /// the notice and the events. Ends every session, resets the counters of wrong passwords, discards a pending address, and
    /// marks the address as verified, since the token was mailed to it.
    pub async fn reset_password(
        &self,
        user: &User,
        password: &Hash,
        consumed: Write,
        others: Vec<Write>,
    ) -> Result<Reset, Error> {
        let write_id = self.database.new_write_id();
        let update = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #password_hash = :password_hash, #sessions = :none, #version = :next, \
             #email_verified = :yes, \
             #credentials = #credentials + :one, #passwords = #passwords + :one, #writer = :writer \
             REMOVE #failures, #current_password_failures, #pending_email",
            "#version = :version",
        )
        .with_write_id(&write_id)
        .value("password_hash", password.as_str())?
        .value("none", BTreeMap::<String, Session>::new())?
        .value("yes", true)?
        .value("one", 1)?
        .value("version", user.record_version)?
        .value("next", user.next_version())?
        .value("writer", &write_id)?;
        let mut writes = vec![update, consumed];
        writes.extend(others);
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Reset::Done,
            Committed::Refused(outcomes) => match outcomes.as_slice() {
                [_, consumed, ..] if !consumed.is_done() => Reset::InvalidLink,
                _ => Reset::Raced,
            },
        })
    }
}
