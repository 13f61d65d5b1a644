//! Session tokens of any form, valid and invalid, signed with the key that signs the real ones.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    app::{PASSWORD, TestApp, TestUser},
    paths::{TOKEN, UPDATE_DETAILS},
    response::{Response, problem},
    tables::{KEYS, USERS},
    times::RESPONSE_TIMEOUT,
};

/// The prefix of a P-256 public key in DER (RFC 5480, section 2).
const DER_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Signs tokens with one key.
pub struct TokenForge {
    pub kid: String,
    pair: EcdsaKeyPair,
}

impl TokenForge {
    /// Uses the newest key in the table.
    pub async fn of(app: &TestApp) -> Self {
        Self::of_item(app, "signing").await
    }

    /// Uses the newest key of access tokens, which must be one of ES256.
    pub async fn of_access_tokens(app: &TestApp) -> Self {
        Self::of_item(app, "access_signing").await
    }

    async fn of_item(app: &TestApp, item: &str) -> Self {
        let signing = app.tables().item(KEYS, item).await.unwrap();
        let key = signing["keys"].as_array().unwrap().last().unwrap();
        let pkcs8 = STANDARD.decode(key["pkcs8"].as_str().unwrap()).unwrap();
        Self::new(key["kid"].as_str().unwrap(), &pkcs8)
    }

    /// Uses a new key that was never published, under its own id.
    pub fn with_unknown_key() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut forge = Self {
            kid: String::new(),
            pair,
        };
        forge.kid = thumbprint(&forge.jwk());
        forge
    }

    /// A token of a key that was never published; its id looks like any other.
    pub fn unknown_key_token() -> String {
        let forge = Self::with_unknown_key();
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.kid});
        forge.sign(&header.to_string(), "{}")
    }

    fn new(kid: &str, pkcs8: &[u8]) -> Self {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
        Self {
            kid: kid.to_owned(),
            pair,
        }
    }

    /// A token with this header and these claims, both as text, signed with ES256.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", encode(signature))
    }

    /// The public key as JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    /// The public key as DER.
    pub fn der(&self) -> Vec<u8> {
        [&DER_HEAD, self.pair.public_key().as_ref()].concat()
    }

    /// The public key as PEM.
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(self.der());
        let (first, second) = text.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }
}

/// A token with this header and these claims, signed with HS256 and `secret`.
pub fn sign_hs256(secret: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes())))
}

/// `true` if the public key `jwk` verifies `token`.
pub fn verifies(jwk: &Value, token: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let coordinate = |name: &str| decode(jwk[name].as_str().unwrap());
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)).is_ok()
}

/// The id of a P-256 key (RFC 7638).
pub fn thumbprint(jwk: &Value) -> String {
    let text = format!(
        r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
        jwk["x"], jwk["y"]
    );
    encode(digest(&SHA256, text.as_bytes()))
}

/// Part `index` of a token, decoded.
pub fn part(token: &str, index: usize) -> Value {
    let bytes = decode(token.split('.').nth(index).unwrap());
    serde_json::from_slice(&bytes).unwrap()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The parts of a real token, to be changed one at a time.
pub struct TokenParts {
    pub forge: TokenForge,
    pub header: Value,
    pub claims: Value,
}

impl TokenParts {
    pub async fn of(app: &TestApp, token: &str) -> Self {
        Self {
            forge: TokenForge::of(app).await,
            header: part(token, 0),
            claims: part(token, 1),
        }
    }

    /// The token with one member of its header changed.
    pub fn with_header(&self, name: &str, value: Value) -> String {
        self.with_header_text(&with(&self.header, name, value))
    }

    /// The token with this text as its header.
    pub fn with_header_text(&self, header: &str) -> String {
        self.forge.sign(header, &self.claims.to_string())
    }

    /// The token with one claim changed.
    pub fn with_claim(&self, name: &str, value: Value) -> String {
        self.with_claims(&with(&self.claims, name, value))
    }

    /// The token with this text as its claims.
    pub fn with_claims(&self, claims: &str) -> String {
        self.forge.sign(&self.header.to_string(), claims)
    }
}

/// `object` with one member changed, as text.
pub fn with(object: &Value, name: &str, value: Value) -> String {
    let mut object = object.clone();
    object[name] = value;
    object.to_string()
}

/// `object` without one member, as text.
pub fn without(object: &Value, name: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name).unwrap();
    object.to_string()
}

/// A valid request, except for the token, to every function that requires one. None would be rejected for another reason; the
/// last ends the session.
pub fn authenticated_requests(
    app: &TestApp,
    user: &TestUser,
) -> Vec<(&'static str, RequestBuilder)> {
    let change = json!({"current-password": PASSWORD, "first_name": "Mallory"});
    vec![
        (
            "get_user",
            app.request(Method::GET, &format!("/api/users/{}", user.id)),
        ),
        (
            "update_details",
            app.request(Method::PATCH, UPDATE_DETAILS).json(&change),
        ),
        ("token", app.request(Method::POST, TOKEN)),
        ("log_out", app.request(Method::POST, "/auth/logout")),
    ]
}

/// Sends every request with each of `credentials` in a header of its own, and checks that it is rejected and changes nothing.
pub async fn assert_rejected(app: &TestApp, user: &TestUser, what: &str, credentials: &[&[u8]]) {
    let sorted = |mut items: Vec<Value>| {
        items.sort_by_key(|item| item["pk"].to_string());
        items
    };
    let before = sorted(app.tables().all(USERS).await);
    for (function, mut request) in authenticated_requests(app, user) {
        for value in credentials {
            request = request.header("authorization", HeaderValue::from_bytes(value).unwrap());
        }
        let response = timeout(RESPONSE_TIMEOUT, app.send(request)).await.unwrap();
        assert_unauthenticated(&response, &format!("{what} to {function}"));
    }
    assert_eq!(before, sorted(app.tables().all(USERS).await), "{what}");
}

/// Checks that every request with `token` is rejected and changes nothing.
pub async fn assert_token_rejected(app: &TestApp, user: &TestUser, what: &str, token: &str) {
    assert_rejected(app, user, what, &[format!("Token {token}").as_bytes()]).await;
}

/// Checks for the 401 that every invalid credential gets.
pub fn assert_unauthenticated(response: &Response, what: &str) {
    assert_eq!(response.status, 401, "{what}: {response:?}");
    assert_eq!(
        response.problem(),
        problem(401, "not_authenticated"),
        "{what}"
    );
    assert_eq!(response.header("www-authenticate"), Some("Token"), "{what}");
}
