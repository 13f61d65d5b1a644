//! The table of signing keys. The first signer makes them; signers replace them in time; verifiers only ever see the
//! public ones.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    domain::clock::Timestamp,
    store::database::{Committed, Database, Error, Write},
};

/// A key signs for this long before a signer puts another in its place.
pub const ROTATION_PERIOD: Duration = Duration::from_hours(30 * 24);

/// A new public key is out this long before its private half signs, so that every verifier has read it by then.
pub const PUBLISH_LEAD_TIME: Duration = Duration::from_hours(1);

/// The table of signing keys.
#[derive(Clone)]
pub struct Keys {
    database: Database,
    table: String,
}

/// The private keys, oldest first. Only signers may read them.
#[derive(Serialize, Deserialize)]
pub struct PrivateKeySet {
    /// One more with every rotation.
    pub version: u64,
    /// At most two: the one in use and the one to come.
    pub keys: Vec<PrivateKey>,
}

/// A private key. No `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct PrivateKey {
    /// Names it: the thumbprint of its public half (RFC 7638).
    pub kid: String,
    /// PKCS#8 (RFC 5958).
    #[serde(with = "serde_bytes_base64")]
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// When it begins to sign.
    pub signs_from: Timestamp,
}

/// The public keys.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Jwks {
    /// One more with every rotation.
    pub version: u64,
    /// Every key that a living token may be signed with, and the one to come.
    pub keys: Vec<PublicKey>,
}

/// A public key: a point on P-256.
#[derive(Clone, Serialize, Deserialize)]
pub struct PublicKey {
    /// Names it: its thumbprint (RFC 7638).
    pub kid: String,
    /// Base64url (RFC 7518, section 6.2.1.2).
    pub x: String,
    /// Base64url (RFC 7518, section 6.2.1.3).
    pub y: String,
    /// When the last token that it signed has expired; `None` while it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
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
    /// The keys in `table`.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// The private keys, if there are any yet.
    pub async fn private_keys(&self) -> Result<Option<PrivateKeySet>, Error> {
        self.read(SIGNING).await
    }

    /// The public keys; none before the first sign-up.
    pub async fn jwks(&self) -> Result<Option<Jwks>, Error> {
        self.read(JWKS).await
    }

    /// Keys that cannot be read are no fault of the request's: without them nobody can be served until they are mended.
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

    /// Stores the very first keys. Whether they are stored; if not, another signer was first.
    pub async fn create(&self, signing: &PrivateKeySet, jwks: &Jwks) -> Result<bool, Error> {
        let absent = "attribute_not_exists(#pk)";
        let writes = [
            Write::put(&self.table, SIGNING, signing, absent)?,
            Write::put(&self.table, JWKS, jwks, absent)?,
        ];
        Ok(matches!(
            self.database.transact(&writes).await?,
            Committed::Done
        ))
    }

    /// Puts the next version of both in place of the one before. Whether they are stored; if not, another signer was
    /// first.
    pub async fn replace(&self, signing: &PrivateKeySet, jwks: &Jwks) -> Result<bool, Error> {
        let seen = "#version = :seen";
        let writes = [
            Write::put(&self.table, SIGNING, signing, seen)?
                .value("seen", signing.version.saturating_sub(1))?,
            Write::put(&self.table, JWKS, jwks, seen)?
                .value("seen", jwks.version.saturating_sub(1))?,
        ];
        Ok(matches!(
            self.database.transact(&writes).await?,
            Committed::Done
        ))
    }
}
