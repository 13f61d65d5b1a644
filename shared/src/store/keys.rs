//! The table of signing keys: one item with the private keys, for signers only, and one with the public keys.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    domain::clock::Timestamp,
    store::database::{Committed, Database, Error, Write},
};

/// The time that a key signs before a signer replaces it.
pub const ROTATION_PERIOD: Duration = Duration::from_hours(30 * 24);

/// The time that a new public key is published before its private key signs, so that every verifier has read it by
/// then. API Gateway's HTTP APIs may cache public keys for two hours.
pub const PUBLISH_LEAD_TIME: Duration = Duration::from_hours(3);

/// Maximum age of the keys that signers and verifiers cache: a revoked key is rejected by every function within this
/// time.
pub const CACHE_TTL: Duration = Duration::from_mins(1);

/// The table of signing keys.
#[derive(Clone)]
pub struct Keys {
    database: Database,
    table: String,
}

/// The private keys, oldest first. Only signers may read them.
#[derive(Serialize, Deserialize)]
pub struct PrivateKeySet {
    /// A counter that every write increments.
    pub version: u64,
    /// At most two: the key in use and the next one.
    pub keys: Vec<PrivateKey>,
}

/// A private key. No `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct PrivateKey {
    /// The id: the thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// PKCS#8 (RFC 5958).
    #[serde(with = "serde_bytes_base64")]
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The time from which it signs.
    pub signs_from: Timestamp,
}

/// The public keys.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Jwks {
    /// A counter that every write increments.
    pub version: u64,
    /// Every key that a valid token may be signed with, and the next one.
    pub keys: Vec<PublicKey>,
}

/// A public key: a point on P-256.
#[derive(Clone, Serialize, Deserialize)]
pub struct PublicKey {
    /// The id: the thumbprint of the key (RFC 7638).
    pub kid: String,
    /// Base64url (RFC 7518, section 6.2.1.2).
    pub x: String,
    /// Base64url (RFC 7518, section 6.2.1.3).
    pub y: String,
    /// The time at which the last token that it signed has expired; `None` while it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Both items of the table, as read; `None` for an item that does not exist.
pub struct StoredKeys {
    /// The private keys.
    pub private: Option<PrivateKeySet>,
    /// The public keys.
    pub public: Option<Jwks>,
}

mod serde_bytes_base64 {
    //! Keeps key material as text in the item, so that it is copied once and wiped.
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        bytes: &Zeroizing<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(bytes.as_slice())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        STANDARD
            .decode(text.as_bytes())
            .map(Zeroizing::new)
            .map_err(D::Error::custom)
    }
}

const SIGNING: &str = "signing";
const JWKS: &str = "jwks";

impl Keys {
    /// Uses the table of this name.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// Returns the private keys, if there are any yet.
    pub async fn private_keys(&self) -> Result<Option<PrivateKeySet>, Error> {
        self.read(SIGNING).await
    }

    /// Returns the public keys. There are none before the first sign-up.
    pub async fn jwks(&self) -> Result<Option<Jwks>, Error> {
        self.read(JWKS).await
    }

    /// Returns both sets of keys.
    pub async fn both(&self) -> Result<StoredKeys, Error> {
        let (private, public) = tokio::try_join!(self.private_keys(), self.jwks())?;
        Ok(StoredKeys { private, public })
    }

    /// Reads one item. Unreadable keys make the service unavailable, since the request itself is valid.
    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let got = self.database.get(&self.table, key).await;
        got.map_err(|error| match error {
            Error::Unreadable { problem } => Error::Unavailable {
                operation: "GetItem",
                problem: format!("signing keys cannot be deserialized: {problem}"),
            },
            other => other,
        })
    }

    /// Replaces both items in one transaction, if both are as `seen`. Returns the keys as stored, or `None` if another
    /// writer came first.
    pub async fn replace(
        &self,
        seen: &StoredKeys,
        private_keys: Vec<PrivateKey>,
        public_keys: Vec<PublicKey>,
    ) -> Result<Option<PrivateKeySet>, Error> {
        let seen_private = seen.private.as_ref().map(|set| set.version);
        let seen_public = seen.public.as_ref().map(|set| set.version);
        // If one item was lost, it continues from the other's version, so that it never has an earlier one again.
        let version = seen_private.max(seen_public).unwrap_or_default() + 1;
        let private = PrivateKeySet {
            version,
            keys: private_keys,
        };
        let public = Jwks {
            version,
            keys: public_keys,
        };
        let writes = [
            self.put(SIGNING, &private, seen_private)?,
            self.put(JWKS, &public, seen_public)?,
        ];
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Some(private),
            Committed::Refused(_) => None,
        })
    }

    fn put<T: Serialize>(&self, key: &str, set: &T, seen: Option<u64>) -> Result<Write, Error> {
        match seen {
            None => Write::put(&self.table, key, set, "attribute_not_exists(#pk)"),
            Some(seen) => {
                Write::put(&self.table, key, set, "#version = :seen")?.value("seen", seen)
            }
        }
    }
}
