//! Confirming an address: the one that an account has, or the pending one, which then replaces it.

use super::{Users, user_key};
use crate::{
    domain::{clock::Timestamp, user::User},
    store::database::{Assignments, Committed, Error, Write},
};

/// The outcome of confirming an address.
#[derive(Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The address is confirmed.
    Done,
    /// The link was no longer valid. Nothing changed.
    InvalidLink,
    /// Another user has, or has reserved, the pending address. Nothing changed.
    EmailTaken,
    /// Another request changed the record since it was read. Nothing changed.
    Raced,
}

impl Users {
    /// Marks the address of `user` as verified, in one transaction with `consumed`, which consumes the token, and `events`.
    pub async fn confirm_email(
        &self,
        user: &User,
        consumed: Write,
        events: Vec<Write>,
    ) -> Result<Confirmed, Error> {
        let write_id = self.database.new_write_id();
        let update = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #email_verified = :yes, #version = :next, #writer = :writer",
            "#version = :version",
        )
        .with_write_id(&write_id)
        .value("yes", true)?
        .value("version", user.record_version)?
        .value("next", user.next_version())?
        .value("writer", &write_id)?;
        let mut writes = vec![update, consumed];
        writes.extend(events);
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Confirmed::Done,
            Committed::Refused(outcomes) => match outcomes.as_slice() {
                [_, consumed, ..] if !consumed.is_done() => Confirmed::InvalidLink,
                _ => Confirmed::Raced,
            },
        })
    }

    /// Replaces `before` with `after`, whose address is the pending one of `before`, in one transaction with `consumed`, which
    /// consumes the token, and `others`, the notices and events. The markers move as after an immediate change.
    pub async fn confirm_pending_email(
        &self,
        before: &User,
        after: &User,
        consumed: Write,
        others: Vec<Write>,
        now: Timestamp,
    ) -> Result<Confirmed, Error> {
        let mut writes = vec![
            self.verified_address_update(before, after, Assignments::default())?,
            consumed,
            self.take_address(after, now)?,
            self.leave_address(after, &before.email, now)?,
        ];
        writes.extend(others);
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Confirmed::Done,
            Committed::Refused(outcomes) => match outcomes.as_slice() {
                [update, ..] if !update.is_done() => Confirmed::Raced,
                [_, consumed, ..] if !consumed.is_done() => Confirmed::InvalidLink,
                [_, _, marker, ..] if !marker.is_done() => Confirmed::EmailTaken,
                _ => Confirmed::Raced,
            },
        })
    }

    /// Discards the pending address of `user`, in one transaction with `consumed`, which consumes the token of its link, and
    /// `events`.
    /// Returns false, and changes nothing, if the record has changed or the link is no longer valid.
    pub async fn discard_pending_email(
        &self,
        user: &User,
        consumed: Write,
        events: Vec<Write>,
    ) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let update = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #version = :next, #writer = :writer REMOVE #pending_email",
            "#version = :version",
        )
        .with_write_id(&write_id)
        .value("version", user.record_version)?
        .value("next", user.next_version())?
        .value("writer", &write_id)?;
        let mut writes = vec![update, consumed];
        writes.extend(events);
        Ok(self.database.transact(&writes).await?.is_done())
    }
}
