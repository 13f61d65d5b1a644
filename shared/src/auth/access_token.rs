//! Access tokens (RFC 9068): short-lived JWTs for the customer's other services. No endpoint here accepts one.

mod received;

use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

pub use self::received::{Expected, ReceivedAccessToken, VerifiedAccessToken};
use super::{KeyError, signer::SigningKey};
use crate::domain::{
    clock::Timestamp,
    random::Random,
    role::Roles,
    settings::AccessTokenClaim,
    user::{Session, User},
};

/// The header parameter `typ` (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";

/// The claims (RFC 9068, section 2.2).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    client_id: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    /// The time of the log-in (RFC 9068, section 2.2.1).
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Roles::is_empty")]
    roles: &'a Roles,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

/// The claims of a token that do not come from the user.
pub struct TokenOptions<'a> {
    /// The claim `iss`.
    pub issuer: &'a str,
    /// The claims `aud` and `client_id`.
    pub audience: &'a str,
    /// The claims about the user in addition to the id and the roles.
    pub claims: &'a [AccessTokenClaim],
    /// The longest time until the token expires.
    pub lifetime: Duration,
}

/// A newly issued token.
pub struct IssuedToken {
    /// The token. A secret: only for the response to its bearer.
    pub token: Zeroizing<String>,
    /// The seconds until it expires.
    pub expires_in: u64,
}

/// Issues a token for `user`, who is signed in with `session`. It does not outlive the session.
///
/// # Errors
/// [`KeyError`] if signing fails.
pub fn issue(
    key: &SigningKey,
    options: &TokenOptions,
    user: &User,
    session: &Session,
    now: Timestamp,
    random: &Random,
) -> Result<IssuedToken, KeyError> {
    let expires_at = (now + options.lifetime).min(session.expires_at);
    let has = |claim| options.claims.contains(&claim);
    let roles: Vec<_> = user.roles.names().collect();
    let claims = Claims {
        iss: options.issuer,
        sub: user.id.to_string(),
        aud: options.audience,
        client_id: options.audience,
        iat: now.unix(),
        exp: expires_at.unix(),
        jti: random.name(),
        auth_time: session.created_at.unix(),
        scope: (!roles.is_empty()).then(|| roles.join(" ")),
        roles: &user.roles,
        username: has(AccessTokenClaim::Username).then(|| user.username.as_str()),
        email: has(AccessTokenClaim::Email).then(|| user.email.as_str()),
        email_verified: has(AccessTokenClaim::EmailVerified).then_some(user.email_verified),
    };
    Ok(IssuedToken {
        token: key.issue(TYPE, &claims)?,
        expires_in: expires_at.seconds_since(now),
    })
}
