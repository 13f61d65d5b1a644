//! What an operator does to users. No function does any of it, or has the right to.

use std::collections::BTreeMap;

use super::{Users, email_key, user_key, username_key};
use crate::{
    domain::{
        user::{Session, User},
        user_id::UserId,
    },
    store::database::{Committed, Error, Write, WriteOutcome},
};

/// Added to `credentials` by [`Users::prepare_restored`]: more than a user can have reached since the backup, so that
/// no reset link that was sent meanwhile fits the number by chance.
const CREDENTIALS_LEAP: u64 = 1_000_000;

impl Users {
    /// Makes `user` a superuser or takes that away. Whether it took place; if not, the record was changed since it was
    /// read.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn set_superuser(&self, user: &User, is_superuser: bool) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user.id),
            "SET #is_superuser = :is_superuser, #version = :next, #writer = :writer",
            "#version = :version",
        )
        .with_write_id(&write_id)
        .value("is_superuser", is_superuser)?
        .value("version", user.record_version)?
        .value("next", user.record_version + 1)?
        .value("writer", &write_id)?;
        Ok(matches!(
            self.database.write(&write).await?,
            WriteOutcome::Done
        ))
    }

    /// Ends every session of `user`, and makes every link dead that was given out. Whether the user is there.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn end_sessions(&self, user: UserId) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #sessions = :none, #credentials = #credentials + :one, \
             #version = #version + :one, #writer = :writer",
            "attribute_exists(#pk) AND #writer <> :writer",
        )
        .with_write_id(&write_id)
        .value("none", BTreeMap::<String, Session>::new())?
        .value("one", 1)?
        .value("writer", &write_id)?;
        Ok(matches!(
            self.database.write(&write).await?,
            WriteOutcome::Done
        ))
    }

    /// Removes `user` and both markers, and tells nobody. Whether it took place; if not, one of the three is no longer
    /// what it was.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn remove(&self, user: &User) -> Result<bool, Error> {
        let delete = |key: &str| Write::delete(&self.table, key, "#id = :id").value("id", user.id);
        let writes = [
            delete(&user_key(user.id))?,
            delete(&email_key(&user.email))?,
            delete(&username_key(&user.username))?,
        ];
        Ok(matches!(
            self.database.transact(&writes).await?,
            Committed::Done
        ))
    }

    /// Ends every session of a user in a restored table, and makes every link dead that was given out since the backup.
    /// `writer` marks the record: one that bears it already is left alone. Whether the user is there.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn prepare_restored(&self, user: UserId, writer: &str) -> Result<bool, Error> {
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #sessions = :none, #credentials = #credentials + :leap, \
             #version = #version + :one, #writer = :writer",
            "attribute_exists(#pk) AND #writer <> :writer",
        )
        .with_write_id(writer)
        .value("none", BTreeMap::<String, Session>::new())?
        .value("leap", CREDENTIALS_LEAP)?
        .value("one", 1)?
        .value("writer", writer)?;
        Ok(matches!(
            self.database.write(&write).await?,
            WriteOutcome::Done
        ))
    }

    /// The keys of the two markers that `user` must have.
    #[must_use]
    pub fn marker_keys(user: &User) -> [String; 2] {
        [email_key(&user.email), username_key(&user.username)]
    }

    /// Makes the marker at `key` point to `user`. Whether it does; if not, it points to somebody else.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn put_marker(&self, key: &str, user: UserId) -> Result<bool, Error> {
        let marker = super::Marker { id: user };
        let write = Write::put(
            &self.table,
            key,
            &marker,
            "attribute_not_exists(#pk) OR #id = :id",
        )?;
        let outcome = self.database.write(&write.value("id", user)?).await?;
        Ok(matches!(outcome, WriteOutcome::Done))
    }

    /// Removes the marker at `key` if it points to `user`.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn remove_marker(&self, key: &str, user: UserId) -> Result<(), Error> {
        let write = Write::delete(&self.table, key, "#id = :id").value("id", user)?;
        self.database.write(&write).await.map(drop)
    }
}
