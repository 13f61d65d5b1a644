//! The table of signing keys: for each kind of token one item with the private keys, for signers only, and one with the
//! public keys.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    domain::{clock::Timestamp, signing_algorithm::SigningAlgorithm},
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

/// The kinds of tokens, each signed with keys of its own, so that a function that signs the one cannot sign the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Session tokens, which only this API accepts.
    Session,
    /// Access tokens, which other services accept.
    Access,
}

impl TokenKind {
    /// The key of the item with the private keys.
    #[must_use]
    pub const fn private_item(self) -> &'static str {
        match self {
            Self::Session => "signing",
            Self::Access => "access_signing",
        }
    }

    /// The key of the item with the public keys.
    #[must_use]
    pub const fn public_item(self) -> &'static str {
        match self {
            Self::Session => "jwks",
            Self::Access => "access_jwks",
        }
    }
}

/// The table of signing keys, for the keys of one kind of token.
#[derive(Clone)]
pub struct Keys {
    database: Database,
    table: String,
    kind: TokenKind,
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
    /// The algorithm that the key signs with.
    #[serde(default, skip_serializing_if = "SigningAlgorithm::is_default")]
    pub alg: SigningAlgorithm,
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

impl Jwks {
    /// The keys whose last token has not expired at `now`.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = &PublicKey> {
        let is_published = move |key: &&PublicKey| key.until.is_none_or(|until| now < until);
        self.keys.iter().filter(is_published)
    }
}

/// A public key.
#[derive(Clone, Serialize, Deserialize)]
pub struct PublicKey {
    /// The id: the thumbprint of the key (RFC 7638).
    pub kid: String,
    /// The key itself.
    #[serde(flatten)]
    pub parameters: PublicParameters,
    /// The time at which the last token that it signed has expired; `None` while it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The parameters of a public key, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PublicParameters {
    /// A point on P-256, for ES256 (RFC 7518, section 6.2.1).
    P256 {
        /// The x coordinate.
        x: String,
        /// The y coordinate.
        y: String,
    },
    /// An RSA key, for RS256 (RFC 7518, section 6.3.1).
    Rsa {
        /// The modulus.
        n: String,
        /// The public exponent.
        e: String,
    },
}

impl PublicParameters {
    /// The algorithm whose signatures the key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::P256 { .. } => SigningAlgorithm::Es256,
            Self::Rsa { .. } => SigningAlgorithm::Rs256,
        }
    }
}

/// Both items of a kind of token, as read; `None` for an item that does not exist.
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

impl Keys {
    /// Uses the table of this name, for the keys of tokens of this kind.
    #[must_use]
    pub fn new(database: Database, table: &str, kind: TokenKind) -> Self {
        Self {
            database,
            table: table.to_owned(),
            kind,
        }
    }

    /// Returns the kind of the tokens that the keys sign.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the private keys, if there are any yet.
    pub async fn private_keys(&self) -> Result<Option<PrivateKeySet>, Error> {
        self.read(self.kind.private_item()).await
    }

    /// Returns the public keys. There are none before the first token is signed.
    pub async fn jwks(&self) -> Result<Option<Jwks>, Error> {
        self.read(self.kind.public_item()).await
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
            self.put(self.kind.private_item(), &private, seen_private)?,
            self.put(self.kind.public_item(), &public, seen_public)?,
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
