//! `GET /.well-known/jwks.json`: the public keys (RFC 7517) of access tokens and session tokens. They verify the signature
//! of a token, not that its session still exists. `GET /.well-known/openid-configuration`: the discovery document, by which
//! verifiers of access tokens find the keys (OIDC Discovery 1.0).

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
    store::keys::{PublicKey, PublicParameters},
};

/// Reads the public keys of session tokens.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Allows caching for five minutes.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// API Gateway adds the caller's origin to the response, so that a cache must not give it to the page of another one.
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// The discovery document also contains the host.
const BY_HOST_AND_ORIGIN: HeaderValue = HeaderValue::from_static("Host, Origin");

const DISCOVERY_ROUTE: &str = "GET /.well-known/openid-configuration";
const KEYS_PATH: &str = "/.well-known/jwks.json";

/// Returns the discovery document or the keys, depending on the route.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    if http::route(&request) == DISCOVERY_ROUTE {
        discovery(app, &request)
    } else {
        keys(app).await
    }
}

/// Returns what holds here of the metadata of OIDC Discovery 1.0, section 3: enough for services that verify
/// access tokens. There is no authorization endpoint, since users log in at this API itself, and no token endpoint of OAuth.
///
/// The algorithms are those that access tokens can have by setting, so that a service that reads them once accepts tokens
/// after the setting changes. `response_types_supported` is required and must not be empty; other issuers without an
/// authorization endpoint, such as Kubernetes, state the same value.
fn discovery(app: &App, request: &Request) -> Result<Response, Error> {
    let issuer = app.issuer(request)?;
    let jwks_uri = format!("{issuer}{KEYS_PATH}");
    let mut claims = vec![
        "iss",
        "sub",
        "aud",
        "client_id",
        "iat",
        "exp",
        "jti",
        "auth_time",
        "scope",
        "roles",
    ];
    let optional = app.settings.access_tokens.claims.iter();
    claims.extend(optional.map(|claim| claim.name()));
    let document = json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "claims_supported": claims,
    });
    let mut response = http::json(StatusCode::OK, &document)?;
    let headers = response.headers_mut();
    headers.insert(VARY, BY_HOST_AND_ORIGIN);
    headers.insert(CACHE_CONTROL, CACHEABLE);
    Ok(response)
}

/// Returns every key that a valid token can be signed with; those of access tokens come first. Not cacheable before the
/// first access token: its key signs at once.
async fn keys(app: &App) -> Result<Response, Error> {
    let now = app.clock.now();
    let (access, session) = tokio::try_join!(app.access_verifier.jwks(), app.verifier.jwks())?;
    let has_access_keys = access.keys_at(now).next().is_some();
    let keys = access.keys_at(now).chain(session.keys_at(now));
    let keys: Vec<_> = keys.map(jwk).collect();
    let mut response = http::json(StatusCode::OK, &json!({ "keys": keys }))?;
    response.headers_mut().insert(VARY, BY_ORIGIN);
    if has_access_keys {
        response.headers_mut().insert(CACHE_CONTROL, CACHEABLE);
    }
    Ok(response)
}

fn jwk(key: &PublicKey) -> serde_json::Value {
    let alg = key.parameters.algorithm().name();
    let kid = &key.kid;
    match &key.parameters {
        PublicParameters::P256 { x, y } => {
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": alg, "use": "sig" })
        }
        PublicParameters::Rsa { n, e } => {
            json!({ "kty": "RSA", "n": n, "e": e, "kid": kid, "alg": alg, "use": "sig" })
        }
    }
}
