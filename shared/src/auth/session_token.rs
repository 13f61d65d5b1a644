//! Session tokens: JWTs signed with ES256, issued and checked. That the session still lives stands in the user's record,
//! not here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    auth::{CLOCK_LEEWAY, signer::SigningKey},
    domain::{
        clock::Timestamp,
        random::Random,
        user::{Session, SessionId},
        user_id::UserId,
    },
};

/// The longest token that is looked at; ours have about 450 characters.
const MAX_LENGTH: usize = 2048;

/// `typ` of an access token (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";

/// Whom tokens are issued by and meant for.
#[derive(Clone)]
pub struct TokenConfig {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
}

/// The claims of a session token (RFC 7519, section 4.1): all of them and no other, each of its one type.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
}

/// The header of a session token (RFC 7515, section 4.1): `crit`, `jku`, `jwk`, `x5u` and all others are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A token as its bearer sent it, its header read and nothing believed yet. A secret: no `Debug`.
pub struct UnverifiedToken<'a> {
    text: &'a str,
    kid: String,
}

/// What a good token says.
pub struct VerifiedToken {
    /// Whose it is.
    pub user: UserId,
    /// The session it belongs to.
    pub session: SessionId,
}

/// A token that was just issued.
pub struct IssuedToken {
    /// The token, for its bearer alone.
    pub token: Zeroizing<String>,
    /// Names its session in the user's record.
    pub id: SessionId,
}

/// The token is not one of ours, or not any more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid session token")]
pub struct Error;

/// Issues a token for `session` of `user`.
///
/// # Errors
/// If the key cannot sign.
pub fn issue(
    key: &SigningKey,
    token_config: &TokenConfig,
    user: UserId,
    session: &Session,
    random: &Random,
) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
    let jti = random.name();
    let id = SessionId::of(&jti);
    let header = Header {
        typ: Some(TYPE.to_owned()),
        kid: Some(key.kid.clone()),
        ..Header::new(Algorithm::ES256)
    };
    let claims = Claims {
        iss: token_config.issuer.clone(),
        aud: token_config.audience.clone(),
        sub: user.to_string(),
        iat: session.created_at.unix(),
        exp: session.expires_at.unix(),
        jti,
    };
    let token = jsonwebtoken::encode(&header, &claims, &key.key)?;
    Ok(IssuedToken {
        token: Zeroizing::new(token),
        id,
    })
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the header of a token.
    ///
    /// # Errors
    /// [`Error`] if it is not exactly the kind of header that [`issue`] makes.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error);
        }
        let encoded = text.split('.').next().ok_or(Error)?;
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Error)?;
        let header: StrictHeader = serde_json::from_slice(&json).map_err(|_| Error)?;
        if header.alg != "ES256" || header.typ != TYPE {
            return Err(Error);
        }
        Ok(Self {
            text,
            kid: header.kid,
        })
    }

    /// The name of the key that it claims to be signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks the signature and every claim.
    ///
    /// # Errors
    /// [`Error`] if anything is amiss; what, is nobody's business.
    pub fn check(
        &self,
        key: &DecodingKey,
        token_config: &TokenConfig,
        now: Timestamp,
    ) -> Result<VerifiedToken, Error> {
        // The library checks the signature; its own checks of claims tolerate arrays, other types and absence, and
        // read the machine's clock, so ours stand below.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(self.text, key, &validation)
            .map_err(|_| Error)?
            .claims;
        let issued_at = Timestamp::from_unix(claims.iat);
        let expires_at = Timestamp::from_unix(claims.exp);
        // Another machine's clock may be ahead at the log-in; the end is the session's, which knows no leeway either.
        let in_force = issued_at <= now + CLOCK_LEEWAY && now < expires_at;
        if claims.iss != token_config.issuer || claims.aud != token_config.audience || !in_force {
            return Err(Error);
        }
        let user = UserId::parse(&claims.sub).map_err(|_| Error)?;
        Ok(VerifiedToken {
            user,
            session: SessionId::of(&claims.jti),
        })
    }
}
