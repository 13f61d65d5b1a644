//! The responses of Lambda authorizers (API Gateway, "Output from a Lambda authorizer").

use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use shared::{app::Caller, auth::access_token::VerifiedAccessToken, domain::clock::Timestamp};

use crate::event::Form;

/// The user who makes a request, as the API's integration finds it in the authorizer's context: texts and numbers only, since
/// REST APIs refuse lists and objects there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Principal {
    /// The user's id, as a text: not every language has whole numbers of 53 bits.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
}

impl From<Caller> for Principal {
    fn from(Caller { user, session }: Caller) -> Self {
        let session = user.sessions.get(&session);
        Self {
            user_id: user.id.to_string(),
            username: Some(user.username.as_str().to_owned()),
            roles: join(user.roles.names()),
            email_verified: Some(user.email_verified.to_string()),
            auth_time: session.map(|session| session.created_at.unix()),
        }
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
            auth_time: token.authenticated_at.map(Timestamp::unix),
        }
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

/// The principal id of a request without a user.
const NOBODY: &str = "anonymous";

/// Returns the response that lets `principal` pass, or refuses the request if there is none.
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
        "principalId": principal.map_or(NOBODY, |principal| principal.user_id.as_str()),
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
