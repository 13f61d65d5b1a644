//! The signing keys of one kind of token: created by the first signer that finds none, replaced if they are lost, and
//! rotated periodically. Of the functions, only sign-up and log-in may read those of session tokens, and only `token`
//! those of access tokens.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    KeyError,
    key_pair::KeyPair,
    key_sets::{self, NextKeys},
};
use crate::{
    domain::{
        clock::{Clock, Timestamp},
        signing_algorithm::SigningAlgorithm,
    },
    store::{
        database,
        keys::{CACHE_TTL, Keys, PrivateKey, PrivateKeySet, StoredKeys},
    },
};

/// Maximum attempts when other signers store keys at the same time.
const MAX_STORE_ATTEMPTS: u32 = 3;

/// Provides the current signing key, creating and rotating keys as needed.
pub struct Signer {
    keys: Keys,
    /// The algorithm of the keys that this signer creates.
    algorithm: SigningAlgorithm,
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
    pair: KeyPair,
}

/// The header of a token (RFC 7515, section 4.1).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// The reason that no signing key is available.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request to DynamoDB failed.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A key could not be generated, or a stored key is invalid.
    #[error("signing key: {0}")]
    Key(#[from] KeyError),
}

impl SigningKey {
    fn read(stored: &PrivateKey) -> Result<Self, KeyError> {
        Ok(Self {
            kid: stored.kid.clone(),
            pair: KeyPair::from_pkcs8(stored.alg, &stored.pkcs8)?,
        })
    }

    /// Issues a token of type `typ` with these claims: a JWS in the compact serialization (RFC 7515, section 7.1).
    ///
    /// # Errors
    /// [`KeyError`] if the claims cannot be serialized or signed.
    pub fn issue(&self, typ: &str, claims: &impl Serialize) -> Result<Zeroizing<String>, KeyError> {
        let header = Header {
            typ,
            alg: self.pair.algorithm().name(),
            kid: &self.kid,
        };
        let header = serde_json::to_vec(&header).map_err(KeyError::of)?;
        let claims = serde_json::to_vec(claims).map_err(KeyError::of)?;
        let mut token = Zeroizing::new(URL_SAFE_NO_PAD.encode(header));
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token)
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.pair.sign(message)
    }
}

impl Signer {
    /// Creates a signer with the keys in the table `keys`, for tokens with this algorithm and lifetime.
    #[must_use]
    pub fn new(
        keys: Keys,
        algorithm: SigningAlgorithm,
        clock: Clock,
        token_lifetime: Duration,
    ) -> Self {
        Self {
            keys,
            algorithm,
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
            let due = key_sets::due(&seen, self.algorithm, now, self.token_lifetime)?;
            let stored = match due {
                Some(next) => self.store(&seen, next).await?,
                None => seen.private,
            };
            if let Some(stored) = stored {
                return Ok(stored);
            }
        }
        Err(KeyError("the stored keys kept changing".to_owned()).into())
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
        let next = key_sets::rotated(seen, self.algorithm, now, self.token_lifetime)?;
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
        let next = key_sets::revoked(seen, kid, self.algorithm, now)?;
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

fn signing_key(private_keys: &PrivateKeySet, now: Timestamp) -> Result<SigningKey, KeyError> {
    let key = key_sets::in_use(&private_keys.keys, now)
        .ok_or_else(|| KeyError("the table holds no signing key".to_owned()))?;
    SigningKey::read(key)
}
