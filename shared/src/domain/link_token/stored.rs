//! The token of a link as it is stored.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::domain::{clock::Timestamp, email::EmailAddress};

/// The state of a user that a link was sent for. In any other state, the link is invalid.
pub trait Binding: Serialize + DeserializeOwned + PartialEq {
    /// The prefix of the key under which the token is stored.
    const KIND: &'static str;
}

/// A reset link is bound to the credentials: a new password, or a new address, invalidates it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsBinding {
    /// The user's credentials version when the token was issued.
    #[serde(rename = "credentials")]
    pub credentials_version: u64,
}

impl Binding for CredentialsBinding {
    const KIND: &'static str = "reset";
}

/// A confirmation link is bound to the address that it was sent to.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressBinding {
    /// The hash of the canonical address.
    #[serde(rename = "for")]
    pub address_hash: String,
}

impl AddressBinding {
    /// Returns the binding of a link that is sent to `address`.
    #[must_use]
    pub fn to(address: &EmailAddress) -> Self {
        Self {
            address_hash: address.hash(),
        }
    }
}

impl Binding for AddressBinding {
    const KIND: &'static str = "confirm";
}

/// The token that was last sent to a user in a link of one kind, as it is stored: hashes only, never the token itself.
#[derive(Serialize, Deserialize)]
pub struct StoredToken<B> {
    /// SHA-256 of the token's secret, in hexadecimal digits.
    pub hash: String,
    /// The hash in an earlier copy of the same mail, if it was sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_hash: Option<String>,
    /// The nonce of the mail that carried the token.
    pub nonce: String,
    /// The state that the token was issued in.
    #[serde(flatten)]
    pub binding: B,
    /// The end of the token's validity, and the time from which DynamoDB may delete the item. An item without it has
    /// expired.
    #[serde(default)]
    pub expires_at: Timestamp,
}

impl<B: Binding> StoredToken<B> {
    /// Returns true if a token with this hash is valid at `now` for a user in the state `current`.
    #[must_use]
    pub fn accepts(&self, hash: &str, current: &B, now: Timestamp) -> bool {
        // Not in constant time: these are hashes of long random secrets, so a partial match reveals nothing.
        let is_known = self.hash == hash || self.earlier_hash.as_deref() == Some(hash);
        is_known && self.binding == *current && now < self.expires_at
    }
}
