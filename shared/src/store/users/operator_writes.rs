//! Writes to users that only `admin` makes, each to be part of a transaction with the record of the operator's change.

use std::collections::BTreeMap;

use super::{Users, user_key};
use crate::{
    domain::{
        clock::Timestamp,
        user::{Session, User},
        user_id::UserId,
    },
    store::database::{Assignments, Error, Write},
};

impl Users {
    /// Returns the write that makes `user` a superuser or revokes it, if the record has not changed since `user` was read.
    pub fn superuser_write(&self, user: &User, is_superuser: bool) -> Result<Write, Error> {
        let write_id = self.database.new_write_id();
        Write::update(
            &self.table,
            &user_key(user.id),
            "SET #is_superuser = :is_superuser, #version = :next, #writer = :writer",
            "#version = :version",
        )
        .with_write_id(&write_id)
        .value("is_superuser", is_superuser)?
        .value("version", user.record_version)?
        .value("next", user.next_version())?
        .value("writer", &write_id)
    }

    /// Returns the write that ends every session of `user` and invalidates log-ins in progress and reset links, if the user
    /// exists.
    pub fn sign_out_write(&self, user: UserId) -> Result<Write, Error> {
        let write_id = self.database.new_write_id();
        Write::update(
            &self.table,
            &user_key(user),
            "SET #sessions = :none, #credentials = #credentials + :one, \
             #version = #version + :one, #writer = :writer",
            "attribute_exists(#pk)",
        )
        .value("none", BTreeMap::<String, Session>::new())?
        .value("one", 1)?
        .value("writer", &write_id)
    }

    /// Returns the writes that store the address of `after` in place of that of `before`, if the record has not changed since
    /// it was read. Discards a pending address. If the canonical addresses differ, every session ends and the markers move.
    pub fn address_writes(
        &self,
        before: &User,
        after: &User,
        now: Timestamp,
    ) -> Result<Vec<Write>, Error> {
        let moves = before.email.canonical() != after.email.canonical();
        let mut also = Assignments::default();
        also.set_or_remove("email_canonical", after.email.canonical_form())?;
        also.set_or_remove("email_verified", after.email_verified.then_some(true))?;
        if moves {
            also.set("sessions", BTreeMap::<String, Session>::new())?;
        }
        let expression = "SET #email = :email, #version = :next, #credentials = :credentials, \
             #writer = :writer REMOVE #pending_email";
        let key = user_key(before.id);
        let update = Write::update_with(&self.table, &key, expression, also, "#version = :version")
            .with_write_id(&after.last_write_id)
            .value("email", after.email.as_str())?
            .value("version", before.record_version)?
            .value("next", after.record_version)?
            .value("credentials", after.credentials_version)?
            .value("writer", &after.last_write_id)?;
        let mut writes = vec![update];
        if moves {
            writes.push(self.take_address(after, now)?);
            writes.push(self.leave_address(after, &before.email, now)?);
        }
        Ok(writes)
    }
}
