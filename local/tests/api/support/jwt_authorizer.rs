//! The JWT authorizer of API Gateway's HTTP APIs, by the rules that AWS publishes:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::Value;

use super::app::TestApp;

/// The time for which API Gateway may keep public keys. This one always does, also when a token names an unknown key.
const CACHED_SECONDS: u64 = 2 * 60 * 60;

/// The algorithms that it supports.
const RSA: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

pub struct JwtAuthorizer {
    issuer: String,
    audiences: Vec<String>,
    /// A token needs one of them, unless there are none.
    scopes: Vec<String>,
    /// The keys, and when they were read.
    keys: Option<(u64, JwkSet)>,
}

impl JwtAuthorizer {
    pub fn new(issuer: String, audiences: &[&str], scopes: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            issuer,
            audiences: owned(audiences),
            scopes: owned(scopes),
            keys: None,
        }
    }

    /// `true` if a request with this token reaches the API at the app's time.
    pub async fn accepts(&mut self, app: &TestApp, token: &str) -> bool {
        let now = app.now();
        if self
            .keys
            .as_ref()
            .is_none_or(|(read_at, _)| now - read_at >= CACHED_SECONDS)
        {
            self.keys = Some((now, self.read().await));
        }
        let (_, keys) = self.keys.as_ref().unwrap();
        self.verify(keys, token, now).is_some()
    }

    async fn read(&self) -> JwkSet {
        let issuer = self.issuer.trim_end_matches('/');
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        let discovery: Value = reqwest::get(discovery).await.unwrap().json().await.unwrap();
        let keys = reqwest::get(discovery["jwks_uri"].as_str().unwrap()).await;
        keys.unwrap().json().await.unwrap()
    }

    fn verify(&self, keys: &JwkSet, token: &str, now: u64) -> Option<()> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = keys.find(header.kid.as_deref()?)?;
        let key = DecodingKey::from_jwk(key).ok()?;
        if !RSA.contains(&header.alg) {
            return None;
        }
        // Of the claims, the library knows neither the app's time nor these rules.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_aud = false;
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).ok()?;
        self.claims_are_valid(&claims.claims, now).then_some(())
    }

    fn claims_are_valid(&self, claims: &Value, now: u64) -> bool {
        let audience = claims.get("aud").unwrap_or(&claims["client_id"]);
        let scopes = claims["scope"].as_str().unwrap_or_default();
        claims["iss"] == self.issuer
            && self.audiences.iter().any(|known| audience == known)
            && claims["exp"].as_u64().is_some_and(|exp| now < exp)
            && claims["iat"].as_u64().is_some_and(|iat| iat <= now)
            && (self.scopes.is_empty()
                || scopes
                    .split(' ')
                    .any(|scope| self.scopes.iter().any(|known| known == scope)))
    }
}
