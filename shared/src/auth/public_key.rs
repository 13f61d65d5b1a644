//! A public key, and the tokens that it has verified.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::de::DeserializeOwned;

use super::{KeyError, key_pair, read_part};
use crate::{
    domain::{clock::Timestamp, digest::sha256},
    store::keys::PublicKey as StoredKey,
};

/// The most tokens that a key remembers, of 32 bytes each.
const MAX_REMEMBERED: usize = 1000;

/// A public key. It remembers which tokens have its signature: clients send the same one again and again, and the signature is the most
/// expensive check of a request. Everything else about a token is checked each time. A key is read again every minute, and then
/// remembers nothing, so that no token outlives the key in the table.
pub struct PublicKey {
    key: DecodingKey,
    until: Option<Timestamp>,
    /// The hashes of the tokens, header and signature included.
    verified: Mutex<HashSet<[u8; 32]>>,
}

/// The signature is not that of this key, or what it signs is not what is expected.
pub(super) struct Rejected;

impl PublicKey {
    /// Reads a stored key.
    ///
    /// # Errors
    /// [`KeyError`] if its parameters are no public key.
    pub(super) fn read(stored: &StoredKey) -> Result<Self, KeyError> {
        Ok(Self {
            key: key_pair::decoding_key(&stored.parameters)?,
            until: stored.until,
            verified: Mutex::default(),
        })
    }

    /// Returns true unless the last token that was signed with the key has expired.
    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Returns the claims of a token (RFC 7519, section 7.2), once its signature is verified. None of them is checked.
    ///
    /// # Errors
    /// [`Rejected`] if the signature is not one by this key with `algorithm`, or the claims are not those of `Claims`.
    pub(super) fn claims<Claims: DeserializeOwned>(
        &self,
        token: &str,
        algorithm: Algorithm,
    ) -> Result<Claims, Rejected> {
        let (message, signature) = token.rsplit_once('.').ok_or(Rejected)?;
        let (_, payload) = message.split_once('.').ok_or(Rejected)?;
        let hash = sha256(token.as_bytes());
        if !self.remembers(&hash) {
            // The library refuses an algorithm of another family than the key's.
            let is_right = crypto::verify(signature, message.as_bytes(), &self.key, algorithm).ok();
            is_right.filter(|is_right| *is_right).ok_or(Rejected)?;
            self.remember(hash);
        }
        read_part(payload).ok_or(Rejected)
    }

    fn remembers(&self, hash: &[u8; 32]) -> bool {
        let verified = self.verified.lock();
        verified
            .unwrap_or_else(PoisonError::into_inner)
            .contains(hash)
    }

    fn remember(&self, hash: [u8; 32]) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() < MAX_REMEMBERED {
            verified.insert(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;
    use crate::{auth::key_pair::KeyPair, domain::signing_algorithm::SigningAlgorithm};

    fn key(algorithm: SigningAlgorithm) -> (KeyPair, PublicKey) {
        let pkcs8 = key_pair::generate(algorithm).unwrap();
        let pair = KeyPair::from_pkcs8(algorithm, &pkcs8).unwrap();
        let stored = StoredKey {
            kid: "1".to_owned(),
            parameters: pair.public().unwrap(),
            until: None,
        };
        let public = PublicKey::read(&stored).unwrap();
        (pair, public)
    }

    fn token(pair: &KeyPair, claims: &Value) -> String {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let message = format!(
            "{}.{}",
            encode(b"{}"),
            encode(claims.to_string().as_bytes())
        );
        let signature = pair.sign(message.as_bytes()).unwrap();
        format!("{message}.{}", encode(&signature))
    }

    fn is_accepted(key: &PublicKey, token: &str, algorithm: Algorithm) -> bool {
        key.claims::<Value>(token, algorithm).is_ok()
    }

    fn remembered(key: &PublicKey) -> usize {
        key.verified.lock().unwrap().len()
    }

    #[test]
    fn only_the_token_itself_is_remembered() {
        let (pair, key) = key(SigningAlgorithm::Es256);
        let (one, other) = (
            token(&pair, &json!({"n": 1})),
            token(&pair, &json!({"n": 2})),
        );
        for _ in 0..2 {
            let claims = key.claims::<Value>(&one, Algorithm::ES256).ok();
            assert_eq!(claims, Some(json!({"n": 1})));
        }
        assert_eq!(remembered(&key), 1);
        // The claims of one with the signature of the other, and no signature at all.
        let (message, _) = one.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        for forged in [format!("{message}.{signature}"), format!("{message}.")] {
            assert!(!is_accepted(&key, &forged, Algorithm::ES256), "{forged}");
        }
        assert_eq!(remembered(&key), 1);
    }

    #[test]
    fn claims_are_an_object() {
        #[derive(serde::Deserialize)]
        struct Claims {
            n: u8,
        }
        let (pair, key) = key(SigningAlgorithm::Es256);
        let read = |claims: &Value| {
            let claims = key.claims::<Claims>(&token(&pair, claims), Algorithm::ES256);
            claims.ok().map(|claims| claims.n)
        };
        assert_eq!(read(&json!({"n": 1})), Some(1));
        assert_eq!(read(&json!([1])), None);
        assert_eq!(read(&json!({"m": 1})), None);
    }

    #[test]
    fn tokens_of_another_key_or_algorithm_are_rejected() {
        let (pair, es256) = key(SigningAlgorithm::Es256);
        let (_, other) = key(SigningAlgorithm::Es256);
        let (rsa_pair, rs256) = key(SigningAlgorithm::Rs256);
        let (one, rsa) = (token(&pair, &json!({})), token(&rsa_pair, &json!({})));
        assert!(is_accepted(&es256, &one, Algorithm::ES256));
        assert!(is_accepted(&rs256, &rsa, Algorithm::RS256));
        assert!(!is_accepted(&other, &one, Algorithm::ES256));
        assert!(!is_accepted(&rs256, &one, Algorithm::ES256));
        assert!(!is_accepted(&es256, &rsa, Algorithm::RS256));
        assert!(!is_accepted(&rs256, &one, Algorithm::HS256));
        assert_eq!(remembered(&other), 0);
    }

    #[test]
    fn more_tokens_than_are_remembered_are_accepted() {
        let (pair, key) = key(SigningAlgorithm::Es256);
        for number in 0..=MAX_REMEMBERED {
            let token = token(&pair, &json!({"n": number}));
            assert!(is_accepted(&key, &token, Algorithm::ES256));
        }
        assert_eq!(remembered(&key), MAX_REMEMBERED);
    }
}
