//! The public keys, as a process remembers them: read when it starts, again when they are old, and at once when a token
//! names one that is not among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jsonwebtoken::DecodingKey;

use crate::{
    domain::clock::{Clock, Timestamp},
    store::{
        database::Error,
        keys::{Jwks, Keys},
    },
};

/// Time after which the keys are read again: a key that was taken back ends its tokens within it.
const CACHE_TTL: Duration = Duration::from_mins(5);

/// Time between two reads that an unknown key's name can cause, so that made-up names cost next to nothing.
const UNKNOWN_READ_EVERY: Duration = Duration::from_secs(10);

/// Characters of a thumbprint in base64url: 256 bits.
const KID_LENGTH: usize = 43;

/// Remembers the public keys.
pub struct Verifier {
    keys: Keys,
    clock: Clock,
    cache: Mutex<Option<Cache>>,
}

#[derive(Clone)]
struct Cache {
    jwks: Arc<Jwks>,
    ready: Arc<HashMap<String, CachedKey>>,
    read_at: Timestamp,
    read_for_unknown_at: Option<Timestamp>,
}

#[derive(Clone)]
struct CachedKey {
    key: Arc<DecodingKey>,
    until: Option<Timestamp>,
}

impl Verifier {
    /// Verifies by what is in `keys`.
    #[must_use]
    pub fn new(keys: Keys, clock: Clock) -> Self {
        Self {
            keys,
            clock,
            cache: Mutex::new(None),
        }
    }

    /// Every public key, at most five minutes old; none before the first sign-up.
    ///
    /// # Errors
    /// [`Error`] if the table could not be asked and nothing is cache.
    pub async fn jwks(&self) -> Result<Arc<Jwks>, Error> {
        Ok(self
            .fresh()
            .await?
            .map(|cache| cache.jwks)
            .unwrap_or_default())
    }

    /// The key called `kid`, if tokens that it signed are still good.
    ///
    /// # Errors
    /// [`Error`] if the table could not be asked and nothing is cache.
    pub async fn key(&self, kid: &str) -> Result<Option<Arc<DecodingKey>>, Error> {
        let is_thumbprint = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if kid.len() != KID_LENGTH || !kid.bytes().all(is_thumbprint) {
            return Ok(None);
        }
        let now = self.clock.now();
        let Some(cache) = self.fresh().await? else {
            return Ok(None);
        };
        if let Some(ready) = cache.ready.get(kid) {
            return Ok(ready.usable(now));
        }
        let last = cache.read_for_unknown_at;
        if last.is_some_and(|last| now < last + UNKNOWN_READ_EVERY) {
            return Ok(None);
        }
        let again = self.read(now, Some(now)).await?;
        Ok(again.and_then(|cache| cache.ready.get(kid).and_then(|ready| ready.usable(now))))
    }

    /// What is cache, read again if it is old; if that fails, the old.
    async fn fresh(&self) -> Result<Option<Cache>, Error> {
        let now = self.clock.now();
        let cache = self
            .cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match cache {
            None => self.read(now, None).await,
            Some(cache) if now < cache.read_at + CACHE_TTL => Ok(Some(cache)),
            Some(old) => match self.read(now, old.read_for_unknown_at).await {
                Ok(new) => Ok(new),
                Err(error) => {
                    tracing::warn!(%error, "could not refresh public keys; using cached ones");
                    Ok(Some(old))
                }
            },
        }
    }

    async fn read(
        &self,
        now: Timestamp,
        read_for_unknown_at: Option<Timestamp>,
    ) -> Result<Option<Cache>, Error> {
        // An empty set is not cache: the first key may be made in the next moment.
        let Some(jwks) = self.keys.jwks().await?.filter(|jwks| !jwks.keys.is_empty()) else {
            return Ok(None);
        };
        let ready = jwks.keys.iter().filter_map(|public| {
            let key = DecodingKey::from_ec_components(&public.x, &public.y);
            let key = key
                .inspect_err(
                    |error| tracing::error!(kid = %public.kid, %error, "invalid public key ignored"),
                )
                .ok()?;
            Some((
                public.kid.clone(),
                CachedKey {
                    key: Arc::new(key),
                    until: public.until,
                },
            ))
        });
        let ready = Arc::new(ready.collect());
        let cache = Cache {
            ready,
            jwks: Arc::new(jwks),
            read_at: now,
            read_for_unknown_at,
        };
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(cache.clone());
        Ok(Some(cache))
    }
}

impl CachedKey {
    fn usable(&self, now: Timestamp) -> Option<Arc<DecodingKey>> {
        self.until
            .is_none_or(|until| now < until)
            .then(|| self.key.clone())
    }
}
