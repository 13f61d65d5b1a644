//! Access tokens, and their verification as another service does it: by the discovery document and the public keys.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::Method;
use serde_json::Value;

use super::{
    app::TestApp,
    paths::{DISCOVERY, TOKEN},
    response::Response,
    token_forge::part,
};

/// The response to a request for an access token with this body; `Value::Null` sends none.
pub async fn request_access_token(app: &TestApp, session: &str, body: &Value) -> Response {
    let mut request = app
        .request(Method::POST, TOKEN)
        .header("authorization", format!("Bearer {session}"));
    if !body.is_null() {
        request = request.json(body);
    }
    app.send(request).await
}

/// A new access token for the default audience.
pub async fn access_token(app: &TestApp, session: &str) -> String {
    let response = request_access_token(app, session, &Value::Null).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["access_token"].as_str().unwrap().to_owned()
}

/// A service that accepts access tokens. It reads the discovery document and the keys once, and verifies with
/// `jsonwebtoken`, which signs none of them.
pub struct Service {
    issuer: String,
    audience: &'static str,
    keys: JwkSet,
}

impl Service {
    pub async fn start(app: &TestApp, audience: &'static str) -> Self {
        let discovery = app.send(app.request(Method::GET, DISCOVERY)).await;
        let discovery = discovery.json();
        let keys = reqwest::get(discovery["jwks_uri"].as_str().unwrap()).await;
        Self {
            issuer: discovery["issuer"].as_str().unwrap().to_owned(),
            audience,
            keys: keys.unwrap().json().await.unwrap(),
        }
    }

    /// The claims of a token, or `None` if the service rejects it at `now`.
    pub fn verify(&self, token: &str, now: u64) -> Option<Value> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let jwk = self.keys.find(header.kid.as_deref()?)?;
        let key = DecodingKey::from_jwk(jwk).ok()?;
        if header.typ.as_deref() != Some("at+jwt") {
            return None;
        }
        let algorithm: Algorithm = jwk.common.key_algorithm?.to_string().parse().ok()?;
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[self.audience]);
        // The library knows the system's clock only.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
            .ok()?
            .claims;
        (now < claims["exp"].as_u64()?).then_some(claims)
    }
}

/// The algorithm in a token's header.
pub fn algorithm(token: &str) -> String {
    part(token, 0)["alg"].as_str().unwrap().to_owned()
}
