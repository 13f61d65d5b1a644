//! The events of Lambda authorizers (API Gateway, "Input to a Lambda authorizer"): of HTTP APIs with payload version 2.0 or 1.0,
//! and of REST and WebSocket APIs, of type `TOKEN` or `REQUEST`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// The query parameter for clients that cannot set a header, such as browsers that open a WebSocket (RFC 6750, section 2.3).
const QUERY_PARAMETER: &str = "access_token";

/// A request to be authorized.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The form of the response that the API expects.
    pub(crate) form: Form,
    /// The credential, if there is exactly one.
    pub(crate) credential: Option<Credential>,
}

/// The form of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The simple response of HTTP APIs with payload version 2.0.
    Simple,
    /// An IAM policy about this resource: every route of the API's stage.
    Policy {
        /// An ARN of `execute-api` that ends with `/*`.
        resource: String,
    },
}

/// A token, not verified. A secret: its `Debug` shows only where it was found.
#[derive(PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) token: String,
    /// True if it was a part of the URL, where servers and browsers log it: only a short-lived token is accepted there.
    pub(crate) is_in_url: bool,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("is_in_url", &self.is_in_url)
            .finish_non_exhaustive()
    }
}

/// An event that is not a request to be authorized.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is not one of a Lambda authorizer")]
pub(crate) struct NotAnAuthorizerEvent;

/// The event, as far as it is needed. Every field may be missing or null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    route_arn: Option<String>,
    #[serde(default)]
    method_arn: Option<String>,
    #[serde(default)]
    authorization_token: Option<String>,
    /// A list in payload version 2.0, a text in 1.0.
    #[serde(default)]
    identity_source: Value,
    #[serde(default)]
    headers: Option<HashMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<HashMap<String, Value>>,
    #[serde(default)]
    query_string_parameters: Option<HashMap<String, Value>>,
    #[serde(default)]
    request_context: RequestContext,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    /// `CONNECT` for a WebSocket.
    #[serde(default)]
    event_type: Option<String>,
}

impl Event {
    /// Parses the JSON of an event.
    pub(crate) fn parse(json: &str) -> Result<Self, NotAnAuthorizerEvent> {
        let fields: Fields = serde_json::from_str(json).map_err(|_| NotAnAuthorizerEvent)?;
        let form = match (&fields.route_arn, &fields.method_arn) {
            (Some(_), _) if fields.version.as_deref() == Some("2.0") => Form::Simple,
            (_, Some(method_arn)) => Form::Policy {
                resource: whole_stage(method_arn).ok_or(NotAnAuthorizerEvent)?,
            },
            _ => return Err(NotAnAuthorizerEvent),
        };
        let credential = fields.credential();
        Ok(Self { form, credential })
    }
}

impl Fields {
    /// Returns the token that the response will be cached for. API Gateway caches by the identity source, so where the event
    /// names one, no other part of the request is read.
    fn credential(&self) -> Option<Credential> {
        if let Some(text) = &self.authorization_token {
            return in_header(text);
        }
        match &self.identity_source {
            Value::Null => {}
            Value::String(text) => return in_header(text),
            Value::Array(texts) => {
                return match texts.as_slice() {
                    [Value::String(text)] => in_header(text),
                    _ => None,
                };
            }
            _ => return None,
        }
        match self.authorization_headers().as_slice() {
            [] if self.request_context.event_type.as_deref() == Some("CONNECT") => {
                let parameters = self.query_string_parameters.as_ref()?;
                let token = parameters.get(QUERY_PARAMETER)?.as_str()?;
                Some(Credential {
                    token: token.to_owned(),
                    is_in_url: true,
                })
            }
            [only] => in_header(only),
            _ => None,
        }
    }

    /// Returns every value of the header `Authorization`, whose name is in any case.
    fn authorization_headers(&self) -> Vec<&str> {
        let is_authorization =
            |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case("authorization");
        let several = self.multi_value_headers.iter().flatten();
        let several = several.filter(is_authorization).flat_map(|(_, values)| {
            let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
            values.iter().filter_map(Value::as_str)
        });
        let several: Vec<_> = several.collect();
        if !several.is_empty() {
            return several;
        }
        let single = self.headers.iter().flatten().filter(is_authorization);
        single.filter_map(|(_, value)| value.as_str()).collect()
    }
}

/// Returns the token of a header's value: `Bearer <token>` (RFC 6750) or `Token <token>`, whose scheme is in any case.
fn in_header(text: &str) -> Option<Credential> {
    let (scheme, token) = text.split_once(' ')?;
    let is_known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    (is_known && !token.is_empty()).then(|| Credential {
        token: token.to_owned(),
        is_in_url: false,
    })
}

/// Returns the resource of every route of a stage, from the ARN of one of them,
/// `arn:aws:execute-api:region:account:api/stage/method/path`. A policy about a single route would be cached with it, and deny
/// the next one.
fn whole_stage(method_arn: &str) -> Option<String> {
    let mut parts = method_arn.splitn(3, '/');
    let (api, stage) = (parts.next()?, parts.next()?);
    let is_api = api.split(':').nth(2) == Some("execute-api") && api.split(':').count() == 6;
    (is_api && !stage.is_empty()).then(|| format!("{api}/{stage}/*"))
}

#[cfg(test)]
mod tests;
