//! Key pairs: generated, read from PKCS#8, and used for signatures.

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
        EllipticCurveKeyType, Jwk, RSAKeyParameters, RSAKeyType, ThumbprintHash,
    },
};
use zeroize::Zeroizing;

use super::KeyError;
use crate::{domain::signing_algorithm::SigningAlgorithm, store::keys::PublicParameters};

/// A private key, ready for use, with its public key. No `Debug`.
pub(super) enum KeyPair {
    /// Signs with ES256.
    Es256(EcdsaKeyPair),
    /// Signs with RS256.
    Rs256(RsaKeyPair),
}

/// Generates a key for `algorithm`: a P-256 or an RSA-2048 key, as PKCS#8.
///
/// An RSA key takes a whole processor 0.07 s on average and 0.2 s at worst; with 256 MB, which is a seventh of one, half a
/// second on average, well within a handler's timeout.
pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pkcs8 = match algorithm {
        SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| Ok(pair.to_pkcs8v1()?.as_ref().to_vec())),
        SigningAlgorithm::Rs256 => rsa::KeyPair::generate(KeySize::Rsa2048)
            .and_then(|pair| Ok(pair.as_der()?.as_ref().to_vec())),
    };
    pkcs8.map(Zeroizing::new).map_err(KeyError::of)
}

impl KeyPair {
    /// Reads a private key for `algorithm`.
    pub(super) fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Self::Es256)
            }
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rs256),
        };
        pair.map_err(KeyError::of)
    }

    /// The algorithm of its signatures.
    pub(super) const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Es256(_) => SigningAlgorithm::Es256,
            Self::Rs256(_) => SigningAlgorithm::Rs256,
        }
    }

    /// Derives the public key.
    pub(super) fn public(&self) -> Result<PublicParameters, KeyError> {
        match self {
            Self::Es256(pair) => {
                // An uncompressed point: the byte 4 and two coordinates of 32 bytes (SEC 1, section 2.3.3).
                let [4, coordinates @ ..] = pair.public_key().as_ref() else {
                    return Err(KeyError("the public key is compressed".to_owned()));
                };
                let (x, y) = coordinates
                    .split_at_checked(32)
                    .ok_or_else(|| KeyError("the public key is too short".to_owned()))?;
                Ok(PublicParameters::P256 {
                    x: URL_SAFE_NO_PAD.encode(x),
                    y: URL_SAFE_NO_PAD.encode(y),
                })
            }
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let encode = |number: aws_lc_rs::io::Positive<'_>| {
                    URL_SAFE_NO_PAD.encode(number.big_endian_without_leading_zero())
                };
                Ok(PublicParameters::Rsa {
                    n: encode(public.modulus()),
                    e: encode(public.exponent()),
                })
            }
        }
    }

    /// Signs `message` as RFC 7518, section 3.3 or 3.4, says.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(KeyError::of)
    }
}

/// Returns the thumbprint of a public key (RFC 7638), which is its id.
pub(super) fn thumbprint(public: &PublicParameters) -> Result<String, KeyError> {
    let algorithm = match public.clone() {
        PublicParameters::P256 { x, y } => {
            AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                key_type: EllipticCurveKeyType::EC,
                curve: EllipticCurve::P256,
                x,
                y,
            })
        }
        PublicParameters::Rsa { n, e } => AlgorithmParameters::RSA(RSAKeyParameters {
            key_type: RSAKeyType::RSA,
            n,
            e,
        }),
    };
    let jwk = Jwk {
        common: CommonParameters::default(),
        algorithm,
    };
    jwk.thumbprint(ThumbprintHash::SHA256).map_err(KeyError::of)
}

/// Returns the public key in the form in which `jsonwebtoken` verifies with it.
pub(super) fn decoding_key(public: &PublicParameters) -> Result<DecodingKey, KeyError> {
    match public {
        PublicParameters::P256 { x, y } => DecodingKey::from_ec_components(x, y),
        PublicParameters::Rsa { n, e } => DecodingKey::from_rsa_components(n, e),
    }
    .map_err(KeyError::of)
}
