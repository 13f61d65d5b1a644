//! Decisions about the sets of keys: what replaces a lost, an old or a revoked key. Generates keys, but accesses no table.

use std::time::Duration;

use super::{
    CLOCK_LEEWAY, KeyError,
    key_pair::{self, KeyPair},
};
use crate::{
    domain::{clock::Timestamp, signing_algorithm::SigningAlgorithm},
    store::keys::{
        CACHE_TTL, PUBLISH_LEAD_TIME, PrivateKey, PublicKey, ROTATION_PERIOD, StoredKeys,
    },
};

/// The keys to store in place of those that were read.
pub(super) struct NextKeys {
    pub(super) private: Vec<PrivateKey>,
    pub(super) public: Vec<PublicKey>,
}

/// The time after the end of a key's signing period at which its last token has expired: other signers may use the key
/// for as long as they cache it.
pub(super) fn last_token(token_lifetime: Duration) -> Duration {
    CACHE_TTL + token_lifetime + CLOCK_LEEWAY
}

/// The newest key whose signing period has begun, or else the first key.
pub(super) fn in_use(keys: &[PrivateKey], now: Timestamp) -> Option<&PrivateKey> {
    keys.iter()
        .rev()
        .find(|key| key.signs_from <= now)
        .or(keys.first())
}

/// Returns the keys that a signer has to store before it can sign, or `None` if those that it read will do.
///
/// - Without private keys, a new one signs at once. Published keys verify until their last token has expired.
/// - Public keys that are missing are derived from the private ones, so that no token becomes invalid.
/// - After [`ROTATION_PERIOD`], the next key is published, and so it is after a change of `algorithm`. A next key of
///   another algorithm signs first: processes with different settings, as during a deployment, would otherwise replace it
///   in turn.
pub(super) fn due(
    seen: &StoredKeys,
    algorithm: SigningAlgorithm,
    now: Timestamp,
    token_lifetime: Duration,
) -> Result<Option<NextKeys>, KeyError> {
    let (private, public) = keys_of(seen);
    let is_current = |newest: &PrivateKey| {
        let is_wanted = newest.alg == algorithm || now < newest.signs_from;
        is_wanted && now < newest.signs_from + ROTATION_PERIOD
    };
    if !private.last().is_some_and(is_current) {
        return rotated(seen, algorithm, now, token_lifetime).map(Some);
    }
    let missing = unpublished(private, public, now, token_lifetime)?;
    Ok((!missing.is_empty()).then(|| NextKeys {
        private: private.to_vec(),
        public: [missing.as_slice(), public].concat(),
    }))
}

/// Returns the keys with another one that signs from [`PUBLISH_LEAD_TIME`] after `now`, or at once if there is no other,
/// and without public keys whose last token has expired.
pub(super) fn rotated(
    seen: &StoredKeys,
    algorithm: SigningAlgorithm,
    now: Timestamp,
    token_lifetime: Duration,
) -> Result<NextKeys, KeyError> {
    let (private, public) = keys_of(seen);
    let current = in_use(private, now);
    let signs_from = current.map_or(now, |_| now + PUBLISH_LEAD_TIME);
    let retired_at = signs_from + last_token(token_lifetime);
    let mut published = unpublished(private, public, now, token_lifetime)?;
    published.extend_from_slice(public);
    published.retain(|key| key.until.is_none_or(|until| now < until));
    for key in &mut published {
        key.until.get_or_insert(retired_at);
    }
    with_new_key(
        current.cloned().into_iter().collect(),
        published,
        algorithm,
        signs_from,
    )
}

/// Returns the keys without the one with the id `kid`, so that its tokens are invalid.
///
/// If it is the key in use, a new one signs at once, and a next key that has signed nothing is dropped as well: its
/// private key is in the same item, so that a copy contains both.
pub(super) fn revoked(
    seen: &StoredKeys,
    kid: &str,
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Result<NextKeys, KeyError> {
    let (private, public) = keys_of(seen);
    let is_in_use = in_use(private, now).is_none_or(|key| key.kid == kid);
    let is_dropped = |id: &str| {
        let is_next = |key: &PrivateKey| key.kid == id && now < key.signs_from;
        id == kid || (is_in_use && private.iter().any(is_next))
    };
    let is_expired = |key: &PublicKey| key.until.is_some_and(|until| until <= now);
    let public = public
        .iter()
        .filter(|key| !is_dropped(&key.kid) && !is_expired(key))
        .cloned()
        .collect();
    if is_in_use {
        return with_new_key(Vec::new(), public, algorithm, now);
    }
    let private = private.iter().filter(|key| key.kid != kid);
    Ok(NextKeys {
        private: private.cloned().collect(),
        public,
    })
}

fn keys_of(stored: &StoredKeys) -> (&[PrivateKey], &[PublicKey]) {
    let private = stored.private.as_ref().map(|set| set.keys.as_slice());
    let public = stored.public.as_ref().map(|set| set.keys.as_slice());
    (private.unwrap_or_default(), public.unwrap_or_default())
}

/// Adds a new key to both sets.
fn with_new_key(
    mut private: Vec<PrivateKey>,
    mut public: Vec<PublicKey>,
    algorithm: SigningAlgorithm,
    signs_from: Timestamp,
) -> Result<NextKeys, KeyError> {
    let new = generate(algorithm, signs_from)?;
    public.push(public_key(&new, None)?);
    private.push(new);
    Ok(NextKeys { private, public })
}

/// Returns the public keys that tokens need but that are not published.
fn unpublished(
    private: &[PrivateKey],
    public: &[PublicKey],
    now: Timestamp,
    token_lifetime: Duration,
) -> Result<Vec<PublicKey>, KeyError> {
    let successors = private.iter().skip(1).map(Some).chain([None]);
    let mut missing = Vec::new();
    for (key, successor) in private.iter().zip(successors) {
        let until = successor.map(|next| next.signs_from + last_token(token_lifetime));
        let is_needed = until.is_none_or(|until| now < until);
        if is_needed && public.iter().all(|published| published.kid != key.kid) {
            missing.push(public_key(key, until)?);
        }
    }
    Ok(missing)
}

fn generate(alg: SigningAlgorithm, signs_from: Timestamp) -> Result<PrivateKey, KeyError> {
    let pkcs8 = key_pair::generate(alg)?;
    let public = KeyPair::from_pkcs8(alg, &pkcs8)?.public()?;
    Ok(PrivateKey {
        kid: key_pair::thumbprint(&public)?,
        alg,
        pkcs8,
        signs_from,
    })
}

/// Derives the public key.
fn public_key(private: &PrivateKey, until: Option<Timestamp>) -> Result<PublicKey, KeyError> {
    Ok(PublicKey {
        kid: private.kid.clone(),
        parameters: KeyPair::from_pkcs8(private.alg, &private.pkcs8)?.public()?,
        until,
    })
}

#[cfg(test)]
mod tests;
