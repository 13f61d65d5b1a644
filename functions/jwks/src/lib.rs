//! `GET /.well-known/jwks.json`: the public keys (RFC 7517). They prove who signed a token, not that its session lives.

use lambda_http::{
    Request,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
};
use serde_json::json;
use shared::{
    app::App,
    http::{self, Error, Response},
    lambda::WarmUp,
    store::keys::PublicKey,
};

/// The keys are all it reads.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// For as long as verifiers of our own remember the keys.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Every key that a living token may be signed with. Before the first sign-up there is none, and that is not cacheable.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, _: Request) -> Result<Response, Error> {
    let now = app.clock.now();
    let jwks = app.verifier.jwks().await?;
    let in_use = jwks
        .keys
        .iter()
        .filter(|key| key.until.is_none_or(|until| now < until));
    let keys: Vec<_> = in_use.map(jwk).collect();
    let mut response = http::json(StatusCode::OK, &json!({ "keys": keys }))?;
    if !keys.is_empty() {
        response.headers_mut().insert(CACHE_CONTROL, CACHEABLE);
    }
    Ok(response)
}

fn jwk(key: &PublicKey) -> serde_json::Value {
    json!({ "kty": "EC", "crv": "P-256", "x": key.x, "y": key.y, "kid": key.kid, "alg": "ES256", "use": "sig" })
}
