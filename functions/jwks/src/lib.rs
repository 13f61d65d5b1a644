//! `GET /.well-known/jwks.json`: the public keys (RFC 7517). They verify the signature of a token, not that its session
//! still exists.

use lambda_http::{
    Request,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, VARY},
    },
};
use serde_json::json;
use shared::{
    app::App,
    http::{self, Error, Response},
    lambda::WarmUp,
    store::keys::PublicKey,
};

/// Reads the public keys, which are all that a request needs.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Allows caching for five minutes.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// API Gateway adds the caller's origin to the response, so that a cache must not give it to the page of another one.
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Returns every key that a valid token can be signed with. The empty set before the first sign-up is not cacheable.
pub async fn handler(app: &App, _: Request) -> Result<Response, Error> {
    let now = app.clock.now();
    let jwks = app.verifier.jwks().await?;
    let in_use = jwks
        .keys
        .iter()
        .filter(|key| key.until.is_none_or(|until| now < until));
    let keys: Vec<_> = in_use.map(jwk).collect();
    let mut response = http::json(StatusCode::OK, &json!({ "keys": keys }))?;
    response.headers_mut().insert(VARY, BY_ORIGIN);
    if !keys.is_empty() {
        response.headers_mut().insert(CACHE_CONTROL, CACHEABLE);
    }
    Ok(response)
}

fn jwk(key: &PublicKey) -> serde_json::Value {
    json!({ "kty": "EC", "crv": "P-256", "x": key.x, "y": key.y, "kid": key.kid, "alg": "ES256", "use": "sig" })
}
