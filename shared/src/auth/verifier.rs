//! The public keys of one kind of token, cached by each process: read at the start, again when the cache has expired, and
//! immediately when a token has an unknown key id.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::public_key::PublicKey;
use crate::{
    domain::clock::{Clock, Timestamp},
    store::{
        database::Error,
        keys::{CACHE_TTL, Jwks, Keys},
    },
};

/// Minimum time between two reads because of an unknown key id, so that forged key ids cost almost nothing.
const UNKNOWN_KEY_READ_INTERVAL: Duration = Duration::from_secs(10);

/// Length of a key id in characters: a thumbprint of 256 bits in base64url (RFC 7638).
const KID_LENGTH: usize = 43;

/// Provides the public keys from a cache.
pub struct Verifier {
    keys: Keys,
    clock: Clock,
    cache: Mutex<Option<CachedKeys>>,
    /// True if the last read found no key. There is nothing to cache then.
    was_empty: AtomicBool,
}

#[derive(Clone)]
struct CachedKeys {
    jwks: Arc<Jwks>,
    by_id: Arc<HashMap<String, Arc<PublicKey>>>,
    read_at: Timestamp,
    read_for_unknown_key_at: Option<Timestamp>,
}

impl Verifier {
    /// Creates a verifier with the keys in the table `keys`.
    #[must_use]
    pub fn new(keys: Keys, clock: Clock) -> Self {
        Self {
            keys,
            clock,
            cache: Mutex::new(None),
            was_empty: AtomicBool::new(false),
        }
    }

    /// Returns all public keys, as stored at most a minute ago, or the last ones read if DynamoDB is unavailable.
    /// There are none before the first token is signed.
    ///
    /// # Errors
    /// [`Error`] if the request to DynamoDB fails and the keys were never read.
    pub async fn jwks(&self) -> Result<Arc<Jwks>, Error> {
        match self.fresh().await {
            Ok(keys) => Ok(keys.map(|cached| cached.jwks).unwrap_or_default()),
            Err(error) if self.was_empty.load(Ordering::Relaxed) => {
                tracing::warn!(%error, "could not refresh public keys; there were none before");
                Ok(Arc::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the key with this id, or `None` if it is unknown or its last token has expired.
    ///
    /// # Errors
    /// [`Error`] if the request to DynamoDB fails and nothing is cached.
    pub async fn key(&self, kid: &str) -> Result<Option<Arc<PublicKey>>, Error> {
        let is_thumbprint = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if kid.len() != KID_LENGTH || !kid.bytes().all(is_thumbprint) {
            return Ok(None);
        }
        let now = self.clock.now();
        let Some(cached) = self.fresh().await? else {
            return Ok(None);
        };
        let valid = |key: &Arc<PublicKey>| key.is_valid_at(now).then(|| key.clone());
        if let Some(key) = cached.by_id.get(kid) {
            return Ok(valid(key));
        }
        let last_read = cached.read_for_unknown_key_at;
        if last_read.is_some_and(|last_read| now < last_read + UNKNOWN_KEY_READ_INTERVAL) {
            return Ok(None);
        }
        let reread = self.read(now, Some(now)).await?;
        Ok(reread.and_then(|cached| cached.by_id.get(kid).and_then(valid)))
    }

    /// Returns the cached keys after refreshing them if they are expired. If that fails, returns the expired ones.
    async fn fresh(&self) -> Result<Option<CachedKeys>, Error> {
        let now = self.clock.now();
        let cached = self
            .cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match cached {
            None => self.read(now, None).await,
            Some(cached) if now < cached.read_at + CACHE_TTL => Ok(Some(cached)),
            Some(expired) => match self.read(now, expired.read_for_unknown_key_at).await {
                Ok(refreshed) => Ok(refreshed),
                Err(error) => {
                    tracing::warn!(%error, "could not refresh public keys; using cached ones");
                    Ok(Some(expired))
                }
            },
        }
    }

    async fn read(
        &self,
        now: Timestamp,
        read_for_unknown_key_at: Option<Timestamp>,
    ) -> Result<Option<CachedKeys>, Error> {
        // An empty set is not cached: the first key may be created at any moment.
        let jwks = self.keys.jwks().await?.filter(|jwks| !jwks.keys.is_empty());
        self.was_empty.store(jwks.is_none(), Ordering::Relaxed);
        let Some(jwks) = jwks else {
            return Ok(None);
        };
        let by_id = jwks.keys.iter().filter_map(|public| {
            let key = PublicKey::read(public)
                .inspect_err(
                    |error| tracing::error!(kid = %public.kid, %error, "invalid public key ignored"),
                )
                .ok()?;
            Some((public.kid.clone(), Arc::new(key)))
        });
        let by_id = Arc::new(by_id.collect());
        let cached = CachedKeys {
            by_id,
            jwks: Arc::new(jwks),
            read_at: now,
            read_for_unknown_key_at,
        };
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached.clone());
        Ok(Some(cached))
    }
}
