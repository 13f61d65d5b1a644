//! A reset token as it is stored.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// A reset token that was sent, as it is stored: hashes only, never the token itself.
#[derive(Serialize, Deserialize)]
pub struct StoredResetToken {
    /// SHA-256 of the token's secret, in hexadecimal digits.
    pub hash: String,
    /// The hash in an earlier copy of the same mail, if it was sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_hash: Option<String>,
    /// The nonce of the mail that carried the token.
    pub nonce: String,
    /// The user's credentials version when the token was issued; any other invalidates the token.
    #[serde(rename = "credentials")]
    pub credentials_version: u64,
    /// The end of the token's validity, and the time from which DynamoDB may delete the item. An item without it has
    /// expired.
    #[serde(default)]
    pub expires_at: Timestamp,
}

impl StoredResetToken {
    /// Returns true if a token with this hash is valid at `now` for a user with this credentials version.
    #[must_use]
    pub fn accepts(&self, hash: &str, credentials_version: u64, now: Timestamp) -> bool {
        // Not in constant time: these are hashes of long random secrets, so a partial match reveals nothing.
        let is_known = self.hash == hash || self.earlier_hash.as_deref() == Some(hash);
        is_known && self.credentials_version == credentials_version && now < self.expires_at
    }
}
