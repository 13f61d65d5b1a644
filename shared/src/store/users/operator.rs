//! Writes to users that only `admin` makes. No function makes them, or has the right to.

use std::collections::BTreeMap;

use super::{Users, email_key, user_key, username_key};
use crate::{
    domain::{
        email::EmailAddress,
        password::Hash,
        user::{Session, User},
        user_id::UserId,
    },
    store::database::{Assignments, Error, Write},
};

/// Added to `credentials` and `version` by [`Users::prepare_restored`]: more than a user can have reached since the backup, so
/// that no reset link sent in the meantime matches the counter by chance, and events of later changes have later versions.
const LEAP: u64 = 1_000_000;

impl Users {
    /// Starts all counts in the user's record anew: those of wrong passwords, and of changes of address and password. Returns false if
    /// there are none.
    pub async fn clear_counts(&self, user: UserId) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #writer = :writer \
             REMOVE #failures, #current_password_failures, #email_changes, #password_changes",
            "attribute_exists(#failures) OR attribute_exists(#current_password_failures) \
             OR attribute_exists(#email_changes) OR attribute_exists(#password_changes)",
        )
        .with_write_id(&write_id)
        .value("writer", &write_id)?;
        self.is_done(&write).await
    }

    /// Ends every session of a user in a restored table, discards a pending address, which may have been withdrawn since the
    /// backup, and invalidates every reset link that was sent since then. Writes `mark` as the record's `writer`; a record
    /// that has it already is not changed. Returns false if the user does not exist.
    pub async fn prepare_restored(&self, user: UserId, mark: &str) -> Result<bool, Error> {
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #sessions = :none, #credentials = if_not_exists(#credentials, :zero) + :leap, \
             #version = if_not_exists(#version, :zero) + :leap, #writer = :writer \
             REMOVE #pending_email",
            "attribute_exists(#pk) AND #writer <> :writer",
        )
        .with_write_id(mark)
        .value("none", BTreeMap::<String, Session>::new())?
        .value("zero", 0)?
        .value("leap", LEAP)?
        .value("writer", mark)?;
        self.is_done(&write).await
    }

    /// Replaces the password of a user in a restored table by `hash`, which no known password matches, so that only a reset
    /// gives access. Ends every session and discards a pending address. Writes `mark` as [`Self::prepare_restored`] does.
    /// Returns false if the user does not exist.
    pub async fn void_password(
        &self,
        user: UserId,
        hash: &Hash,
        mark: &str,
    ) -> Result<bool, Error> {
        let write = Write::update(
            &self.table,
            &user_key(user),
            "SET #password_hash = :hash, #sessions = :none, \
             #credentials = if_not_exists(#credentials, :zero) + :one, \
             #passwords = if_not_exists(#passwords, :zero) + :one, \
             #version = if_not_exists(#version, :zero) + :one, #writer = :writer \
             REMOVE #pending_email",
            "attribute_exists(#pk) AND #password_hash <> :hash",
        )
        .value("hash", hash.as_str())?
        .value("none", BTreeMap::<String, Session>::new())?
        .value("zero", 0)?
        .value("one", 1)?
        .value("writer", mark)?;
        let outcome = self.database.write(&write).await?;
        // If there is an item, it has the hash already: the write was applied and its response lost.
        Ok(outcome.is_done() || outcome.current_item().is_some())
    }

    /// Stores `current`, the address of `user` with today's canonical form, and moves the marker to it. Returns false, and
    /// changes nothing, if another user has that form, or the record has changed.
    pub async fn move_canonical_email(
        &self,
        user: &User,
        current: &EmailAddress,
    ) -> Result<bool, Error> {
        let write_id = self.database.new_write_id();
        let mut also = Assignments::default();
        also.set_or_remove("email_canonical", current.canonical_form())?;
        let key = user_key(user.id);
        let expression = "SET #version = :next, #writer = :writer";
        let update = Write::update_with(&self.table, &key, expression, also, "#version = :version")
            .with_write_id(&write_id)
            .value("version", user.record_version)?
            .value("next", user.next_version())?
            .value("writer", &write_id)?;
        let marker = super::Marker::of(user);
        let writes = [
            update,
            Write::put(
                &self.table,
                &email_key(current),
                &marker,
                "attribute_not_exists(#pk)",
            )?,
            Write::delete(&self.table, &email_key(&user.email), "#id = :id")
                .value("id", user.id)?,
        ];
        Ok(self.database.transact(&writes).await?.is_done())
    }

    /// Returns the keys of the two markers that `user` must have.
    #[must_use]
    pub fn marker_keys(user: &User) -> [String; 2] {
        [email_key(&user.email), username_key(&user.username)]
    }

    /// Returns the keys of the markers that reserve former addresses for `user`, or did until they expired.
    #[must_use]
    pub fn reservation_keys(user: &User) -> Vec<String> {
        let former = user.former_emails.iter();
        former.map(|former| email_key(&former.address())).collect()
    }

    /// Creates the marker at `key` for `user`. Returns false if it leads to another user, or the user does not exist.
    pub async fn put_marker(&self, key: &str, user: UserId) -> Result<bool, Error> {
        let Some(owner) = self.with_disabled().by_id(user).await? else {
            return Ok(false);
        };
        let marker = super::Marker::of(&owner);
        let write = Write::put(
            &self.table,
            key,
            &marker,
            "attribute_not_exists(#pk) OR #id = :id",
        )?;
        self.is_done(&write.value("id", user)?).await
    }

    /// Deletes the marker at `key` if it leads to `user`.
    pub async fn remove_marker(&self, key: &str, user: UserId) -> Result<(), Error> {
        let write = Write::delete(&self.table, key, "#id = :id").value("id", user)?;
        self.database.write(&write).await.map(drop)
    }

    /// Deletes what a backup has of a deleted user: the item at `key`, which is the user's own or a marker of the user, in
    /// whatever state it is.
    pub async fn remove_restored(&self, key: &str, user: UserId) -> Result<(), Error> {
        let write = if key == user_key(user) {
            Write::delete(&self.table, key, "attribute_exists(#pk)")
        } else {
            Write::delete(&self.table, key, "#id = :id").value("id", user)?
        };
        // If the condition fails, an earlier attempt was applied, or the marker leads to another user by now.
        self.database.write(&write).await.map(drop)
    }

    async fn is_done(&self, write: &Write) -> Result<bool, Error> {
        Ok(self.database.write(write).await?.is_done())
    }
}
