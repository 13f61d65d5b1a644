//! The responses of Lambda authorizers (API Gateway, "Output from a Lambda authorizer").

use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use shared::{app::Caller, auth::access_token::VerifiedAccessToken};

use crate::event::Form;

/// The user who makes a request, as the API's integration finds it in the authorizer's context: strings and numbers only, since
/// REST APIs reject lists and objects there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Principal {
    /// The user's id, as a string like `sub` of a token.
    user_id: String,
    /// The username; an access token has it only if the setting `AccessTokenClaims` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The names of the roles, with spaces between them.
    roles: String,
    /// `true` or `false`; an access token has it only if the setting `AccessTokenClaims` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<String>,
    /// The time of the log-in, in seconds since 1970.
    auth_time: u64,
}

impl Principal {
    /// The user of a session; `None` if the session is not in the user's record.
    pub(crate) fn of_session(Caller { user, session }: &Caller) -> Option<Self> {
        let session = user.sessions.get(session)?;
        Some(Self {
            user_id: user.id.to_string(),
            username: Some(user.username.as_str().to_owned()),
            roles: join(user.roles.names()),
            email_verified: Some(user.email_verified.to_string()),
            auth_time: session.created_at.unix(),
        })
    }
}

impl From<VerifiedAccessToken> for Principal {
    fn from(token: VerifiedAccessToken) -> Self {
        Self {
            user_id: token.user.to_string(),
            username: token.username,
            roles: join(token.roles.names()),
            email_verified: token
                .email_verified
                .map(|is_verified| is_verified.to_string()),
            auth_time: token.authenticated_at.unix(),
        }
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

/// The principal id of a request without a user.
const ANONYMOUS: &str = "anonymous";

/// Returns the response that accepts the request of `principal`, or refuses it if that is `None`.
pub(crate) fn to_json(
    form: &Form,
    principal: Option<&Principal>,
) -> Result<Box<RawValue>, serde_json::Error> {
    let resource = match form {
        Form::Simple => {
            return to_raw_value(&match principal {
                Some(principal) => json!({"isAuthorized": true, "context": principal}),
                None => json!({"isAuthorized": false}),
            });
        }
        Form::Policy { resource } => resource,
    };
    let effect = if principal.is_some() { "Allow" } else { "Deny" };
    let mut response = json!({
        "principalId": principal.map_or(ANONYMOUS, |principal| principal.user_id.as_str()),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
    });
    if let Some(principal) = principal {
        response["context"] = json!(principal);
    }
    to_raw_value(&response)
}
