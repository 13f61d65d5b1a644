//! Makes session tokens of any shape, good and bad, with the very key that signs the real ones.

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
use serde_json::{Value, json};

use crate::{app::TestApp, tables::Tables};

/// What stands before the point of a P-256 key in its DER form (RFC 5480, section 2).
const DER_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Holds a signing key.
pub struct Minter {
    pub kid: String,
    pair: EcdsaKeyPair,
}

impl Minter {
    /// With the newest key in the table.
    pub async fn of(app: &TestApp) -> Self {
        let signing = Tables::of(app).item("KeysTable", "signing").await.unwrap();
        let key = signing["keys"].as_array().unwrap().last().unwrap();
        let pkcs8 = STANDARD.decode(key["pkcs8"].as_str().unwrap()).unwrap();
        Self::new(key["kid"].as_str().unwrap(), &pkcs8)
    }

    /// With a key that nobody else has, under its own name.
    pub fn stranger() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut stranger = Self {
            kid: String::new(),
            pair,
        };
        stranger.kid = thumbprint(&stranger.jwk());
        stranger
    }

    /// A token of a key that was never published, and whose name is like that of any other.
    pub fn stranger_token() -> String {
        let stranger = Self::stranger();
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": stranger.kid});
        stranger.sign(&header.to_string(), "{}")
    }

    fn new(kid: &str, pkcs8: &[u8]) -> Self {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
        Self {
            kid: kid.to_owned(),
            pair,
        }
    }

    /// A token of this header and these claims, both as text, signed with ES256.
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

/// A token of this header and these claims, signed with HS256 and `secret`.
pub fn sign_hs256(secret: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes())))
}

/// Whether the public key `jwk` proves `token`.
pub fn proves(jwk: &Value, token: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let coordinate = |name: &str| decode(jwk[name].as_str().unwrap());
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)).is_ok()
}

/// The name of a P-256 key (RFC 7638).
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
