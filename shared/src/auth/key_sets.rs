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
mod tests {
    use super::*;
    use crate::store::keys::{Jwks, PrivateKeySet};

    const ES256: SigningAlgorithm = SigningAlgorithm::Es256;
    const RS256: SigningAlgorithm = SigningAlgorithm::Rs256;
    const LIFETIME: Duration = Duration::from_hours(14 * 24);
    const NOW: Timestamp = Timestamp::from_unix(1_769_860_800);

    fn stored(next: NextKeys) -> StoredKeys {
        let version = 1;
        let keys = next.private;
        StoredKeys {
            private: Some(PrivateKeySet { version, keys }),
            public: Some(Jwks {
                version,
                keys: next.public,
            }),
        }
    }

    fn first() -> StoredKeys {
        let nothing = StoredKeys {
            private: None,
            public: None,
        };
        stored(due(&nothing, ES256, NOW, LIFETIME).unwrap().unwrap())
    }

    fn kids(keys: &NextKeys) -> (Vec<&str>, Vec<&str>) {
        let private = keys.private.iter().map(|key| key.kid.as_str());
        let public = keys.public.iter().map(|key| key.kid.as_str());
        (private.collect(), public.collect())
    }

    fn kid(keys: &StoredKeys, index: usize) -> String {
        keys_of(keys).0[index].kid.clone()
    }

    #[test]
    fn a_new_key_is_published_before_caches_expire() {
        // API Gateway's HTTP APIs, browsers and CDNs (max-age), and the function that serves the keys.
        let cached = Duration::from_hours(2) + Duration::from_mins(5) + CACHE_TTL;
        assert!(PUBLISH_LEAD_TIME >= Duration::from_hours(3) && PUBLISH_LEAD_TIME > cached);
        let rotated = rotated(&first(), ES256, NOW, LIFETIME).unwrap();
        assert_eq!(rotated.private[1].signs_from, NOW + PUBLISH_LEAD_TIME);
    }

    #[test]
    fn a_lost_private_key_is_replaced_and_its_tokens_stay_valid() {
        let mut keys = first();
        let lost = kid(&keys, 0);
        keys.private = None;
        let next = due(&keys, ES256, NOW, LIFETIME).unwrap().unwrap();
        assert_eq!(next.private.len(), 1);
        assert_eq!(next.private[0].signs_from, NOW);
        let (private, public) = kids(&next);
        assert_eq!(public, [lost.as_str(), private[0]]);
        let until = NOW + CACHE_TTL + LIFETIME + CLOCK_LEEWAY;
        assert_eq!(next.public[0].until, Some(until));
        assert!(due(&stored(next), ES256, NOW, LIFETIME).unwrap().is_none());
    }

    #[test]
    fn lost_public_keys_are_derived_from_the_private_keys() {
        let keys = stored(rotated(&first(), ES256, NOW, LIFETIME).unwrap());
        let expected = keys.public.clone().unwrap().keys;
        let lost = StoredKeys {
            private: keys.private,
            public: None,
        };
        let next = due(&lost, ES256, NOW, LIFETIME).unwrap().unwrap();
        let parts = |keys: &[PublicKey]| {
            keys.iter()
                .map(|key| (key.kid.clone(), key.parameters.clone(), key.until))
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(&next.public), parts(&expected));
    }

    #[test]
    fn a_key_whose_tokens_have_expired_is_not_published_again() {
        let keys = stored(rotated(&first(), ES256, NOW, LIFETIME).unwrap());
        let later = NOW + PUBLISH_LEAD_TIME + last_token(LIFETIME);
        let lost = StoredKeys {
            private: keys.private,
            public: None,
        };
        let next = due(&lost, ES256, later, LIFETIME).unwrap().unwrap();
        assert_eq!(kids(&next).1, [kid(&lost, 1)]);
    }

    #[test]
    fn revoking_the_key_in_use_replaces_it_and_the_next_one() {
        let keys = stored(rotated(&first(), ES256, NOW, LIFETIME).unwrap());
        let next = revoked(&keys, &kid(&keys, 0), ES256, NOW).unwrap();
        let (private, public) = kids(&next);
        assert_eq!((private.len(), private.clone()), (1, public));
        assert!(keys_of(&keys).0.iter().all(|key| key.kid != private[0]));
        assert_eq!(next.private[0].signs_from, NOW);
    }

    #[test]
    fn revoking_another_key_leaves_the_one_in_use() {
        let keys = stored(rotated(&first(), ES256, NOW, LIFETIME).unwrap());
        let (old, new) = (kid(&keys, 0), kid(&keys, 1));
        // The next key, before it signs.
        let next = revoked(&keys, &new, ES256, NOW).unwrap();
        assert_eq!(kids(&next), (vec![old.as_str()], vec![old.as_str()]));
        // The former key, after the next one has begun to sign.
        let next = revoked(&keys, &old, ES256, NOW + PUBLISH_LEAD_TIME).unwrap();
        assert_eq!(kids(&next), (vec![new.as_str()], vec![new.as_str()]));
    }

    #[test]
    fn another_algorithm_begins_as_a_rotation() {
        let keys = first();
        let next = due(&keys, RS256, NOW, LIFETIME).unwrap().unwrap();
        let algorithms: Vec<_> = next.private.iter().map(|key| key.alg).collect();
        assert_eq!(algorithms, [ES256, RS256]);
        let signs_from = next.private[1].signs_from;
        assert_eq!(signs_from, NOW + PUBLISH_LEAD_TIME);
        let next = stored(next);
        let (private, public) = keys_of(&next);
        assert_eq!(
            public[1].parameters.algorithm(),
            RS256,
            "published before it signs"
        );
        let in_use_at = |now| in_use(private, now).unwrap().alg;
        assert_eq!(in_use_at(NOW), ES256);
        assert_eq!(in_use_at(signs_from), RS256);
    }

    #[test]
    fn a_next_key_of_another_algorithm_signs_first() {
        let keys = stored(rotated(&first(), RS256, NOW, LIFETIME).unwrap());
        assert!(due(&keys, ES256, NOW, LIFETIME).unwrap().is_none());
        let later = NOW + PUBLISH_LEAD_TIME;
        let next = due(&keys, ES256, later, LIFETIME).unwrap().unwrap();
        let algorithms: Vec<_> = next.private.iter().map(|key| key.alg).collect();
        assert_eq!(algorithms, [RS256, ES256]);
    }

    #[test]
    fn the_id_of_a_key_is_its_thumbprint() {
        // RFC 7638, section 3.1.
        let public = crate::store::keys::PublicParameters::Rsa {
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
                FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnY\
                b9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0\
                Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
                .to_owned(),
            e: "AQAB".to_owned(),
        };
        assert_eq!(
            key_pair::thumbprint(&public).unwrap(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
