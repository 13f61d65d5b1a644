//! The signing keys of session tokens: created by the first signer that finds none, replaced if they are lost, and rotated
//! periodically. Of the functions, only sign-up and log-in may read them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::signature;
use jsonwebtoken::EncodingKey;

use super::key_sets::{self, KeyError, NextKeys};
use crate::{
    domain::clock::{Clock, Timestamp},
    store::{
        database,
        keys::{CACHE_TTL, Keys, PrivateKeySet, StoredKeys},
    },
};

/// Maximum attempts when other signers store keys at the same time.
const MAX_STORE_ATTEMPTS: u32 = 3;

/// Provides the current signing key, creating and rotating keys as needed.
pub struct Signer {
    keys: Keys,
    clock: Clock,
    /// The lifetime of tokens; a public key is published until the last token that it verifies has expired.
    token_lifetime: Duration,
    cached: Mutex<Option<CachedKey>>,
}

struct CachedKey {
    key: Arc<SigningKey>,
    read_at: Timestamp,
}

/// A private key, ready for use. No `Debug`.
pub struct SigningKey {
    /// The key id: the thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The private key.
    pub key: EncodingKey,
}

/// The reason that no signing key is available.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request to DynamoDB failed.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A key could not be generated, or a stored key is invalid.
    #[error("signing key: {0}")]
    Key(String),
}

impl Signer {
    /// Creates a signer with the keys in the table `keys`, for tokens with this lifetime.
    #[must_use]
    pub fn new(keys: Keys, clock: Clock, token_lifetime: Duration) -> Self {
        Self {
            keys,
            clock,
            token_lifetime,
            cached: Mutex::new(None),
        }
    }

    /// Returns the current signing key, from the cache if it is fresh.
    ///
    /// # Errors
    /// [`Error`] if the request to DynamoDB fails, or the table holds no valid key.
    pub async fn key(&self) -> Result<Arc<SigningKey>, Error> {
        let now = self.clock.now();
        if let Some(cached) = self
            .cached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            && now < cached.read_at + CACHE_TTL
        {
            return Ok(cached.key.clone());
        }
        let key = Arc::new(signing_key(&self.load(now).await?, now)?);
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(CachedKey {
            key: key.clone(),
            read_at: now,
        });
        Ok(key)
    }

    /// Returns the stored keys, after storing whatever is missing or due.
    async fn load(&self, now: Timestamp) -> Result<PrivateKeySet, Error> {
        for _ in 0..MAX_STORE_ATTEMPTS {
            let seen = self.keys.both().await?;
            let due = key_sets::due(&seen, now, self.token_lifetime)?;
            let stored = match due {
                Some(next) => self.store(&seen, next).await?,
                None => seen.private,
            };
            if let Some(stored) = stored {
                return Ok(stored);
            }
        }
        Err(Error::Key("the stored keys kept changing".to_owned()))
    }

    /// Adds a key to those `seen`, which signs from [`PUBLISH_LEAD_TIME`](crate::store::keys::PUBLISH_LEAD_TIME) after
    /// `now`. Returns `None` if another signer changed the keys first.
    ///
    /// # Errors
    /// [`Error`] if a request to DynamoDB fails, or no key could be generated.
    pub async fn rotate(
        &self,
        seen: &StoredKeys,
        now: Timestamp,
    ) -> Result<Option<PrivateKeySet>, Error> {
        let next = key_sets::rotated(seen, now, self.token_lifetime)?;
        self.store(seen, next).await
    }

    /// Removes the key with the id `kid` from those `seen`. Its tokens are rejected as soon as the caches of other
    /// processes expire ([`CACHE_TTL`]). If it was the key in use, a new one signs at once. Returns `None` if another
    /// signer changed the keys first.
    ///
    /// # Errors
    /// [`Error`] if a request to DynamoDB fails, or no key could be generated.
    pub async fn revoke(
        &self,
        seen: &StoredKeys,
        kid: &str,
        now: Timestamp,
    ) -> Result<Option<PrivateKeySet>, Error> {
        let next = key_sets::revoked(seen, kid, now)?;
        self.store(seen, next).await
    }

    async fn store(
        &self,
        seen: &StoredKeys,
        next: NextKeys,
    ) -> Result<Option<PrivateKeySet>, Error> {
        let stored = self.keys.replace(seen, next.private, next.public);
        Ok(stored.await?)
    }
}

fn signing_key(private_keys: &PrivateKeySet, now: Timestamp) -> Result<SigningKey, Error> {
    let key = key_sets::in_use(&private_keys.keys, now)
        .ok_or_else(|| Error::Key("the table holds no signing key".to_owned()))?;
    // Validate the key now; jsonwebtoken would only fail when signing.
    signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8)
        .map_err(|error| Error::Key(error.to_string()))?;
    Ok(SigningKey {
        kid: key.kid.clone(),
        key: EncodingKey::from_ec_der(&key.pkcs8),
    })
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::Key(error.0)
    }
}
