//! The keys that session tokens are signed with: made by the first signer that finds none, replaced when they are old.
//! Only sign-up and log-in have one.

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

/// Time after which a signer reads the keys again.
const CACHE_TTL: Duration = Duration::from_mins(5);

/// Holds the key to sign with.
pub struct Signer {
    keys: Keys,
    clock: Clock,
    /// How long a token lives: its public key must outlive it.
    lifetime: Duration,
    cached: Mutex<Option<Cached>>,
}

struct Cached {
    key: Arc<SigningKey>,
    read_at: Timestamp,
}

/// A key ready to sign. No `Debug`.
pub struct SigningKey {
    /// Names it.
    pub kid: String,
    /// The private key.
    pub key: EncodingKey,
}

/// There is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table could not be asked.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A key could not be made or read.
    #[error("signing key: {0}")]
    Key(String),
}

impl Signer {
    /// Signs with what is in `keys`.
    #[must_use]
    pub fn new(keys: Keys, clock: Clock, lifetime: Duration) -> Self {
        Self {
            keys,
            clock,
            lifetime,
            cached: Mutex::new(None),
        }
    }

    /// The key to sign with now.
    ///
    /// # Errors
    /// [`Error`] if the table could not be asked, or holds no usable key.
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
        let key = Arc::new(ready(&self.load(now).await?, now)?);
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(Cached {
            key: key.clone(),
            read_at: now,
        });
        Ok(key)
    }

    async fn load(&self, now: Timestamp) -> Result<PrivateKeySet, Error> {
        let signing = match self.keys.private_keys().await? {
            Some(signing) => signing,
            None => self.create(now).await?,
        };
        let newest = signing
            .keys
            .last()
            .ok_or_else(|| Error::Key("the table holds no signing key".to_owned()))?;
        if now < newest.signs_from + ROTATION_PERIOD {
            return Ok(signing);
        }
        self.rotate(&signing, now).await
    }

    async fn create(&self, now: Timestamp) -> Result<PrivateKeySet, Error> {
        let (private, public) = generate(now)?;
        let signing = PrivateKeySet {
            version: 1,
            keys: vec![private],
        };
        if self
            .keys
            .create(
                &signing,
                &Jwks {
                    version: 1,
                    keys: vec![public],
                },
            )
            .await?
        {
            return Ok(signing);
        }
        self.winners().await
    }

    /// Adds a key that signs [`PUBLISH_LEAD_TIME`] from now, and drops public keys whose last token has expired.
    ///
    /// # Errors
    /// [`Error`] if the table could not be asked, or a key could not be made.
    pub async fn rotate(
        &self,
        seen: &PrivateKeySet,
        now: Timestamp,
    ) -> Result<PrivateKeySet, Error> {
        let (private, public) = generate(now + PUBLISH_LEAD_TIME)?;
        let in_use = key_in_use(seen, now)?.clone();
        let published = self.keys.jwks().await?.unwrap_or_default();
        let retired_at = private.signs_from + CACHE_TTL + self.lifetime + CLOCK_LEEWAY;
        let mut keys: Vec<_> = published
            .keys
            .into_iter()
            .filter(|key| key.until.is_none_or(|until| now < until))
            .collect();
        for key in &mut keys {
            key.until.get_or_insert(retired_at);
        }
        keys.push(public);
        let signing = PrivateKeySet {
            version: seen.version + 1,
            keys: vec![in_use, private],
        };
        if self
            .keys
            .replace(
                &signing,
                &Jwks {
                    version: published.version + 1,
                    keys,
                },
            )
            .await?
        {
            return Ok(signing);
        }
        self.winners().await
    }

    /// What another signer stored a moment before.
    async fn winners(&self) -> Result<PrivateKeySet, Error> {
        self.keys
            .private_keys()
            .await?
            .ok_or_else(|| Error::Key("the signing keys were deleted concurrently".to_owned()))
    }
}

/// The newest key that signs already; right after the first deployment, the only one.
fn key_in_use(signing: &PrivateKeySet, now: Timestamp) -> Result<&PrivateKey, Error> {
    let in_use = signing.keys.iter().rev().find(|key| key.signs_from <= now);
    in_use
        .or(signing.keys.first())
        .ok_or_else(|| Error::Key("the table holds no signing key".to_owned()))
}

fn ready(signing: &PrivateKeySet, now: Timestamp) -> Result<SigningKey, Error> {
    let key = key_in_use(signing, now)?;
    // Only now is it known to be one: the library looks at it no sooner than it signs.
    signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8)
        .map_err(|error| Error::Key(error.to_string()))?;
    Ok(SigningKey {
        kid: key.kid.clone(),
        key: EncodingKey::from_ec_der(&key.pkcs8),
    })
}

/// A new P-256 key, in both halves.
fn generate(signs_from: Timestamp) -> Result<(PrivateKey, PublicKey), Error> {
    let failed = |problem: &dyn std::fmt::Display| Error::Key(problem.to_string());
    let pair = signature::EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
        .map_err(|error| failed(&error))?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|error| failed(&error))?;
    let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
    let jwk = Jwk::from_encoding_key(&EncodingKey::from_ec_der(&pkcs8), Algorithm::ES256)
        .map_err(|error| failed(&error))?;
    let kid = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|error| failed(&error))?;
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
