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
