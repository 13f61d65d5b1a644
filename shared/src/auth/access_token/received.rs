//! Verification of access tokens (RFC 9068, section 4), for the authorizer.

use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::TYPE;
use crate::{
    auth::{CLOCK_LEEWAY, public_key::PublicKey, read_part},
    domain::{clock::Timestamp, role::Roles, user_id::UserId},
};

/// Maximum length of a token in bytes: one with twenty roles of the greatest length and every claim has about 3,000.
const MAX_LENGTH: usize = 4096;

/// The header (RFC 7515, section 4.1). `crit`, `jku`, `jwk`, `x5u` and all others are rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: Algorithm,
    typ: String,
    kid: String,
}

/// The claims that are verified (RFC 9068, section 2.2), and those about the user.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    exp: u64,
    auth_time: u64,
    #[serde(default)]
    roles: Roles,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
}

/// A token as received, with its header parsed and nothing verified. A secret: no `Debug`.
pub struct ReceivedAccessToken<'a> {
    text: &'a str,
    header: Header,
}

/// The claims that the recipient of a token expects.
pub struct Expected<'a> {
    /// The claim `iss`; `None` for a deployment whose issuer is the host that served the request. The key alone proves then
    /// that the token is this deployment's.
    pub issuer: Option<&'a str>,
    /// The accepted values of the claim `aud`.
    pub audiences: &'a [String],
}

/// The verified content of a token.
pub struct VerifiedAccessToken {
    /// The user that the token was issued to.
    pub user: UserId,
    /// The user's roles when it was issued.
    pub roles: Roles,
    /// The username, if the token has it.
    pub username: Option<String>,
    /// True if the address was verified, if the token says so.
    pub email_verified: Option<bool>,
    /// The time of the log-in.
    pub authenticated_at: Timestamp,
}

/// The token is invalid or has expired.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid access token")]
pub struct Error;

impl<'a> ReceivedAccessToken<'a> {
    /// Parses the header of a token.
    ///
    /// # Errors
    /// An error if it is no header of an access token.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error);
        }
        let encoded = text.split('.').next().ok_or(Error)?;
        let header: Header = read_part(encoded).ok_or(Error)?;
        let is_known = matches!(header.alg, Algorithm::RS256 | Algorithm::ES256);
        if is_known && header.typ == TYPE {
            Ok(Self { text, header })
        } else {
            Err(Error)
        }
    }

    /// The id of the key that the token claims to be signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.header.kid
    }

    /// Verifies the signature and all claims.
    ///
    /// # Errors
    /// An error if any check fails. The reason is deliberately not reported.
    pub fn check(
        &self,
        key: &PublicKey,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<VerifiedAccessToken, Error> {
        let claims = key.claims::<Claims>(self.text, self.header.alg);
        let claims = claims.map_err(|_| Error)?;
        let issued_at = Timestamp::from_unix(claims.iat);
        let is_current = issued_at <= now + CLOCK_LEEWAY && now < Timestamp::from_unix(claims.exp);
        let is_expected = expected.issuer.is_none_or(|issuer| issuer == claims.iss)
            && expected.audiences.contains(&claims.aud);
        if !is_current || !is_expected {
            return Err(Error);
        }
        Ok(VerifiedAccessToken {
            user: UserId::parse(&claims.sub).map_err(|_| Error)?,
            roles: claims.roles,
            username: claims.username,
            email_verified: claims.email_verified,
            authenticated_at: Timestamp::from_unix(claims.auth_time),
        })
    }
}
