//! Markers of addresses: those in use, and those that are reserved for the account that had them.

use serde::{Deserialize, Serialize};

use super::{Users, email_key};
use crate::{
    domain::{clock::Timestamp, email::EmailAddress, user::User, user_id::UserId},
    store::database::{Error, Write},
};

/// The condition that an address is free for the user `:id` at the time `:now`: it has no marker, an expired reservation, or
/// a reservation for this user.
pub(super) const FREE_EMAIL: &str = "attribute_not_exists(#pk) OR #reserved_until <= :now \
                                     OR (#id = :id AND attribute_exists(#reserved_until))";

/// Points from an address or a username to its user.
#[derive(Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) id: UserId,
    /// If set, the address is not the user's, but reserved for the user until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reserved_until: Option<Timestamp>,
    /// True if the user is disabled. Tells so to functions that read no more than the marker, and saves the others a read
    /// that an unknown name would not cost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disabled: bool,
}

impl Marker {
    /// The marker of a name of `user`.
    pub(super) const fn of(user: &User) -> Self {
        Self {
            id: user.id,
            reserved_until: None,
            disabled: user.is_disabled(),
        }
    }

    /// Returns the id of the user, unless it is disabled.
    pub(super) fn enabled(self) -> Option<UserId> {
        (!self.disabled).then_some(self.id)
    }
}

impl Users {
    /// Returns true if `address` is free for `user` at `now`: no account has it, and it is not reserved for another one.
    pub async fn is_address_free(
        &self,
        address: &EmailAddress,
        user: UserId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let key = email_key(address);
        let marker = self.database.get::<Marker>(&self.table, &key).await?;
        Ok(marker.is_none_or(|marker| {
            marker
                .reserved_until
                .is_some_and(|until| until <= now || marker.id == user)
        }))
    }

    /// Returns the write that makes the address in `after` the one of its user.
    pub(super) fn take_address(&self, after: &User, now: Timestamp) -> Result<Write, Error> {
        let marker = Marker::of(after);
        Write::put(&self.table, &email_key(&after.email), &marker, FREE_EMAIL)?
            .value("now", now)?
            .value("id", after.id)
    }

    /// Returns the write that ends the use of `address` by the user of `after`: it is reserved for as long as `after` says, or
    /// else free.
    pub(super) fn leave_address(
        &self,
        after: &User,
        address: &EmailAddress,
        now: Timestamp,
    ) -> Result<Write, Error> {
        let (key, own) = (email_key(address), "#id = :id");
        let write = match after.reserved_until(address, now) {
            None => Write::delete(&self.table, &key, own),
            reserved_until => {
                let id = after.id;
                let marker = Marker {
                    id,
                    reserved_until,
                    disabled: false,
                };
                Write::put(&self.table, &key, &marker, own)?
            }
        };
        write.value("id", after.id)
    }

    /// Deletes the markers of former addresses of `user` that are not reserved any more. Their entries in the record may be
    /// removed afterwards.
    ///
    /// # Errors
    /// [`Error`] if a request fails.
    pub async fn release_expired_addresses(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<(), Error> {
        let expired = user
            .former_emails
            .iter()
            .filter(|former| !former.is_live(now));
        for former in expired {
            let condition = "#id = :id AND #reserved_until <= :now";
            let key = email_key(&former.address());
            let write = Write::delete(&self.table, &key, condition)
                .value("id", user.id)?
                .value("now", now)?;
            // Otherwise another account has the address by now.
            self.database.write(&write).await?;
        }
        Ok(())
    }
}
