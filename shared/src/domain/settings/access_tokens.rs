//! The settings of access tokens for other services.

use std::{str::FromStr, time::Duration};

use super::environment::{Environment, Error, parse};
use crate::domain::signing_algorithm::SigningAlgorithm;

/// The access tokens for other services.
#[derive(Clone)]
pub struct AccessTokenSettings {
    /// The algorithm of new keys.
    pub algorithm: SigningAlgorithm,
    /// The longest lifetime of a token.
    pub lifetime: Duration,
    /// The values of `aud` that a client may choose from; the first one is the default. Never empty, and without
    /// [`super::Settings::audience`].
    pub audiences: Vec<String>,
    /// The audiences whose tokens the authorizer accepts: some of [`Self::audiences`], at least one.
    pub authorizer_audiences: Vec<String>,
    /// The claims about the user in addition to the id and the roles.
    pub claims: Vec<AccessTokenClaim>,
}

/// An optional claim of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenClaim {
    /// `username`.
    Username,
    /// `email`.
    Email,
    /// `email_verified`.
    EmailVerified,
}

impl AccessTokenSettings {
    pub(super) fn read(environment: &Environment) -> Result<Self, Error> {
        let name = "ACCESS_TOKEN_AUDIENCES";
        let audiences = environment.text(name)?;
        let audiences: Vec<_> = audiences.split(',').map(str::to_owned).collect();
        if audiences.iter().any(String::is_empty) {
            return Err(Error {
                name,
                problem: "contains an empty name".to_owned(),
            });
        }
        // No verifier may accept a session token for an access token.
        if audiences.contains(&environment.text("AUDIENCE")?) {
            return Err(Error {
                name,
                problem: "contains AUDIENCE, the audience of session tokens".to_owned(),
            });
        }
        let authorizer_audiences = authorizer_audiences(environment, &audiences)?;
        let claims = environment.optional("ACCESS_TOKEN_CLAIMS");
        let claims = claims.iter().flat_map(|names| names.split(','));
        Ok(Self {
            algorithm: environment.parsed("ACCESS_TOKEN_ALGORITHM")?,
            lifetime: environment.duration("ACCESS_TOKEN_SECONDS", 1)?,
            audiences,
            authorizer_audiences,
            claims: claims
                .map(|claim| parse("ACCESS_TOKEN_CLAIMS", claim))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Reads the audiences of the authorizer; by default the first of all.
fn authorizer_audiences(
    environment: &Environment,
    audiences: &[String],
) -> Result<Vec<String>, Error> {
    let name = "AUTHORIZER_AUDIENCES";
    let Some(named) = environment.optional(name) else {
        return Ok(audiences.iter().take(1).cloned().collect());
    };
    let named = named.split(',').map(str::to_owned);
    named
        .map(|audience| match audiences.contains(&audience) {
            true => Ok(audience),
            // Such as AUDIENCE: the authorizer accepts session tokens by their own rules.
            false => Err(Error {
                name,
                problem: format!("{audience:?} is not in ACCESS_TOKEN_AUDIENCES"),
            }),
        })
        .collect()
}

/// The text names no claim.
#[derive(Debug, thiserror::Error)]
#[error("must be username, email or email_verified")]
pub struct UnknownClaim;

impl AccessTokenClaim {
    const ALL: [Self; 3] = [Self::Username, Self::Email, Self::EmailVerified];

    /// The claim's name in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
        }
    }
}

impl FromStr for AccessTokenClaim {
    type Err = UnknownClaim;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|claim| claim.name() == text);
        named.ok_or(UnknownClaim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_differ_from_that_of_session_tokens() {
        let read = |audiences: &str, claims: &str| {
            let (audiences, claims) = (audiences.to_owned(), claims.to_owned());
            let lookup = move |name: &str| match name {
                "AUDIENCE" => Some("latchkey".to_owned()),
                "ACCESS_TOKEN_AUDIENCES" => Some(audiences.clone()),
                "ACCESS_TOKEN_CLAIMS" => Some(claims.clone()),
                "ACCESS_TOKEN_ALGORITHM" => Some("RS256".to_owned()),
                "AUTHORIZER_AUDIENCES" => None,
                _ => Some("300".to_owned()),
            };
            AccessTokenSettings::read(&Environment(&lookup))
                .map_err(|error| error.to_string())
                .map(|settings| (settings.audiences, settings.claims))
        };
        let two = vec!["orders".to_owned(), "billing".to_owned()];
        assert_eq!(read("orders,billing", ""), Ok((two.clone(), vec![])));
        let claims = vec![AccessTokenClaim::EmailVerified, AccessTokenClaim::Username];
        assert_eq!(
            read("orders,billing", "email_verified,username"),
            Ok((two, claims))
        );
        for audiences in ["orders,latchkey", "orders,", ",", ""] {
            assert!(read(audiences, "").is_err(), "{audiences}");
        }
        assert!(read("orders", "password_hash").is_err());
    }

    #[test]
    fn the_authorizer_accepts_only_audiences_of_access_tokens() {
        let read = |authorizer: &str| {
            let authorizer = authorizer.to_owned();
            let lookup = move |name: &str| match name {
                "AUTHORIZER_AUDIENCES" => Some(authorizer.clone()),
                _ => None,
            };
            let all = ["orders", "billing"].map(str::to_owned);
            authorizer_audiences(&Environment(&lookup), &all).map_err(|error| error.to_string())
        };
        assert_eq!(read("").unwrap(), ["orders"]);
        assert_eq!(read("billing").unwrap(), ["billing"]);
        assert_eq!(read("billing,orders").unwrap(), ["billing", "orders"]);
        assert_eq!(
            read("orders,latchkey").unwrap_err(),
            "setting AUTHORIZER_AUDIENCES: \"latchkey\" is not in ACCESS_TOKEN_AUDIENCES"
        );
        assert!(read("orders,").is_err());
    }
}
