//! The signing keys of session tokens: created by the first signer that finds none, and rotated periodically.
//! Of the functions, only sign-up and log-in may read them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::signature;
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};
use zeroize::Zeroizing;

use crate::{
    auth::CLOCK_LEEWAY,
    domain::clock::{Clock, Timestamp},
    store::{
        database,
        keys::{
            Jwks, Keys, PUBLISH_LEAD_TIME, PrivateKey, PrivateKeySet, PublicKey, ROTATION_PERIOD,
        },
    },
};

/// Maximum age of a cached signing key.
const CACHE_TTL: Duration = Duration::from_mins(5);

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
    /// A key could not be generated, or a stored key is missing or invalid.
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

    async fn load(&self, now: Timestamp) -> Result<PrivateKeySet, Error> {
        let private_keys = match self.keys.private_keys().await? {
            Some(private_keys) => private_keys,
            None => self.create(now).await?,
        };
        let newest = private_keys
            .keys
            .last()
            .ok_or_else(|| Error::Key("the table holds no signing key".to_owned()))?;
        if now < newest.signs_from + ROTATION_PERIOD {
            return Ok(private_keys);
        }
        self.rotate(&private_keys, now).await
    }

    async fn create(&self, now: Timestamp) -> Result<PrivateKeySet, Error> {
        let (private, public) = generate(now)?;
        let private_keys = PrivateKeySet {
            version: 1,
            keys: vec![private],
        };
        if self
            .keys
            .create(
                &private_keys,
                &Jwks {
                    version: 1,
                    keys: vec![public],
                },
            )
            .await?
        {
            return Ok(private_keys);
        }
        self.reload().await
    }

    /// Adds a key that signs from [`PUBLISH_LEAD_TIME`] after `now`, and removes public keys whose last token has
    /// expired. Returns the keys of another signer if that one rotated them concurrently.
    ///
    /// # Errors
    /// [`Error`] if a request to DynamoDB fails, or no key could be generated.
    pub async fn rotate(
        &self,
        current: &PrivateKeySet,
        now: Timestamp,
    ) -> Result<PrivateKeySet, Error> {
        let (private, public) = generate(now + PUBLISH_LEAD_TIME)?;
        let in_use = key_in_use(current, now)?.clone();
        let published = self.keys.jwks().await?.unwrap_or_default();
        let retired_at = private.signs_from + CACHE_TTL + self.token_lifetime + CLOCK_LEEWAY;
        let mut keys: Vec<_> = published
            .keys
            .into_iter()
            .filter(|key| key.until.is_none_or(|until| now < until))
            .collect();
        for key in &mut keys {
            key.until.get_or_insert(retired_at);
        }
        keys.push(public);
        let private_keys = PrivateKeySet {
            version: current.version + 1,
            keys: vec![in_use, private],
        };
        if self
            .keys
            .replace(
                &private_keys,
                &Jwks {
                    version: published.version + 1,
                    keys,
                },
            )
            .await?
        {
            return Ok(private_keys);
        }
        self.reload().await
    }

    /// Reads the keys that another signer has just stored.
    async fn reload(&self) -> Result<PrivateKeySet, Error> {
        self.keys
            .private_keys()
            .await?
            .ok_or_else(|| Error::Key("the signing keys were deleted concurrently".to_owned()))
    }
}

/// The newest key whose signing period has begun, or else the first key.
fn key_in_use(private_keys: &PrivateKeySet, now: Timestamp) -> Result<&PrivateKey, Error> {
    let in_use = private_keys
        .keys
        .iter()
        .rev()
        .find(|key| key.signs_from <= now);
    in_use
        .or(private_keys.keys.first())
        .ok_or_else(|| Error::Key("the table holds no signing key".to_owned()))
}

fn signing_key(private_keys: &PrivateKeySet, now: Timestamp) -> Result<SigningKey, Error> {
    let key = key_in_use(private_keys, now)?;
    // Validate the key now; jsonwebtoken would only fail when signing.
    signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8)
        .map_err(|error| Error::Key(error.to_string()))?;
    Ok(SigningKey {
        kid: key.kid.clone(),
        key: EncodingKey::from_ec_der(&key.pkcs8),
    })
}

/// Generates a P-256 key pair.
fn generate(signs_from: Timestamp) -> Result<(PrivateKey, PublicKey), Error> {
    let key_error = |error: &dyn std::fmt::Display| Error::Key(error.to_string());
    let pair = signature::EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
        .map_err(|error| key_error(&error))?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|error| key_error(&error))?;
    let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
    let jwk = Jwk::from_encoding_key(&EncodingKey::from_ec_der(&pkcs8), Algorithm::ES256)
        .map_err(|error| key_error(&error))?;
    let kid = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|error| key_error(&error))?;
    let AlgorithmParameters::EllipticCurve(point) = jwk.algorithm else {
        return Err(Error::Key(
            "jsonwebtoken did not return an elliptic curve key".to_owned(),
        ));
    };
    let public = PublicKey {
        kid: kid.clone(),
        x: point.x,
        y: point.y,
        until: None,
    };
    Ok((
        PrivateKey {
            kid,
            pkcs8,
            signs_from,
        },
        public,
    ))
}
