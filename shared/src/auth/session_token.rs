//! Session tokens: JWTs signed with ES256. Verification covers the token only; the user's record shows whether the
//! session still exists.

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    auth::{CLOCK_LEEWAY, KeyError, public_key::PublicKey, read_part, signer::SigningKey},
    domain::{
        clock::Timestamp,
        random::Random,
        user::{Session, SessionId},
        user_id::UserId,
    },
};

/// Maximum length of a token in bytes. Issued tokens have about 450.
const MAX_LENGTH: usize = 2048;

/// The header parameter `typ` (RFC 7515, section 4.1.9). A type of our own, since a session token is no access token of
/// RFC 9068: only this API accepts it.
const TYPE: &str = "session+jwt";

/// The `typ` of tokens that version 0.1.0 issued, which remain valid until they expire.
const EARLIER_TYPE: &str = "at+jwt";

/// The claim `iss` of session tokens. Access tokens have a URL instead.
pub const ISSUER: &str = "latchkey";

/// Issuer and audience of session tokens.
#[derive(Clone)]
pub struct TokenConfig {
    /// The claim `iss` (RFC 7519, section 4.1.1).
    pub issuer: String,
    /// The claim `aud` (RFC 7519, section 4.1.3).
    pub audience: String,
}

/// The claims of a session token (RFC 7519, section 4.1). All are required, with exactly these types; others are
/// rejected.
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

/// The header of a session token (RFC 7515, section 4.1). `crit`, `jku`, `jwk`, `x5u` and all others are rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A token as received, with its header parsed and nothing verified. A secret: no `Debug`.
pub struct UnverifiedToken<'a> {
    text: &'a str,
    kid: String,
}

/// The verified content of a token.
pub struct VerifiedToken {
    /// The user that the token was issued to.
    pub user: UserId,
    /// The session that the token belongs to.
    pub session: SessionId,
}

/// A newly issued token.
pub struct IssuedToken {
    /// The token. A secret: only for the response to its bearer.
    pub token: Zeroizing<String>,
    /// The id of its session in the user's record.
    pub id: SessionId,
}

/// The token is invalid or has expired.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid session token")]
pub struct Error;

/// Issues a token for `session` of `user`.
///
/// # Errors
/// [`KeyError`] if signing fails.
pub fn issue(
    key: &SigningKey,
    token_config: &TokenConfig,
    user: UserId,
    session: &Session,
    random: &Random,
) -> Result<IssuedToken, KeyError> {
    let jti = random.name();
    let id = SessionId::of(&jti);
    let claims = Claims {
        iss: token_config.issuer.clone(),
        aud: token_config.audience.clone(),
        sub: user.to_string(),
        iat: session.created_at.unix(),
        exp: session.expires_at.unix(),
        jti,
    };
    let token = key.issue(TYPE, &claims)?;
    Ok(IssuedToken { token, id })
}

impl<'a> UnverifiedToken<'a> {
    /// Parses the header of a token.
    ///
    /// # Errors
    /// [`Error`] if the header differs from those of [`issue`] in anything but `kid` and the earlier `typ`.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error);
        }
        let encoded = text.split('.').next().ok_or(Error)?;
        let header: StrictHeader = read_part(encoded).ok_or(Error)?;
        if header.alg != "ES256" || ![TYPE, EARLIER_TYPE].contains(&header.typ.as_str()) {
            return Err(Error);
        }
        Ok(Self {
            text,
            kid: header.kid,
        })
    }

    /// The id of the key that the token claims to be signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the signature and all claims.
    ///
    /// # Errors
    /// [`Error`] if any check fails. The reason is deliberately not reported.
    pub fn check(
        &self,
        key: &PublicKey,
        token_config: &TokenConfig,
        now: Timestamp,
    ) -> Result<VerifiedToken, Error> {
        // The library's own validation of claims would accept arrays, other types and missing claims, and read the system
        // clock.
        let claims = key.claims::<Claims>(self.text, Algorithm::ES256);
        let claims = claims.map_err(|_| Error)?;
        let issued_at = Timestamp::from_unix(claims.iat);
        let expires_at = Timestamp::from_unix(claims.exp);
        // The clock of the machine that issued the token may be ahead. The expiry has no leeway, as in the user's
        // record.
        let is_current = issued_at <= now + CLOCK_LEEWAY && now < expires_at;
        if claims.iss != token_config.issuer || claims.aud != token_config.audience || !is_current {
            return Err(Error);
        }
        let user = UserId::parse(&claims.sub).map_err(|_| Error)?;
        Ok(VerifiedToken {
            user,
            session: SessionId::of(&claims.jti),
        })
    }
}
