//! A service with one route, for callers with an access token.

use std::{
    env, io,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::FromRequestParts,
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    routing::get,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::Mutex};

/// The time after which the keys are read again: a withdrawn key is accepted for so long.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The time in which the keys are read at most once, whatever keys tokens name.
const MIN_AGE: Duration = Duration::from_secs(10);

/// The keys that were read last, and when.
type Cache = Mutex<Option<(Instant, JwkSet)>>;

struct Verifier {
    jwks_uri: String,
    validation: Validation,
    client: reqwest::Client,
    cache: Cache,
}

/// The caller, by the claims of a valid access token. As an argument of a handler it rejects all other callers.
#[derive(Deserialize)]
struct Caller {
    sub: String,
}

impl Verifier {
    fn new(issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.leeway = 5;
        Self {
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            validation,
            client: reqwest::Client::new(),
            cache: Mutex::default(),
        }
    }

    /// 401 if the token is not valid, 503 if the keys cannot be read.
    async fn verify(&self, token: &str) -> Result<Caller, StatusCode> {
        let header = decode_header(token).map_err(|_| StatusCode::UNAUTHORIZED)?;
        if header.typ.as_deref() != Some("at+jwt") {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let kid = header.kid.ok_or(StatusCode::UNAUTHORIZED)?;
        let key = self.key(&kid).await?;
        let token = decode(token, &key, &self.validation);
        Ok(token.map_err(|_| StatusCode::UNAUTHORIZED)?.claims)
    }

    /// The key with this id. An unknown id makes it read the keys again.
    async fn key(&self, kid: &str) -> Result<DecodingKey, StatusCode> {
        let mut cache = self.cache.lock().await;
        let is_current = |(read_at, keys): &(Instant, JwkSet)| {
            let age = read_at.elapsed();
            age < MIN_AGE || (age < MAX_AGE && keys.find(kid).is_some())
        };
        if !cache.as_ref().is_some_and(is_current) {
            let keys = self.read().await.map_err(|error| {
                eprintln!("the keys cannot be read: {error}");
                StatusCode::SERVICE_UNAVAILABLE
            })?;
            *cache = Some((Instant::now(), keys));
        }
        let jwk = cache.as_ref().and_then(|(_, keys)| keys.find(kid));
        let jwk = jwk.ok_or(StatusCode::UNAUTHORIZED)?;
        DecodingKey::from_jwk(jwk).map_err(|_| StatusCode::UNAUTHORIZED)
    }

    async fn read(&self) -> reqwest::Result<JwkSet> {
        let response = self.client.get(&self.jwks_uri).send().await?;
        response.error_for_status()?.json().await
    }
}

impl FromRequestParts<Arc<Verifier>> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        verifier: &Arc<Verifier>,
    ) -> Result<Self, StatusCode> {
        let header = parts.headers.get(AUTHORIZATION);
        let token = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        verifier
            .verify(token.ok_or(StatusCode::UNAUTHORIZED)?)
            .await
    }
}

async fn orders(caller: Caller) -> String {
    format!("the orders of user {}", caller.sub)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let [issuer, audience] = ["ISSUER", "AUDIENCE"].map(|name| {
        env::var(name).map_err(|_| io::Error::other(format!("set the environment variable {name}")))
    });
    let verifier = Arc::new(Verifier::new(&issuer?, &audience?));
    let router = Router::new()
        .route("/orders", get(orders))
        .with_state(verifier);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}/orders", listener.local_addr()?);
    axum::serve(listener, router).await
}
