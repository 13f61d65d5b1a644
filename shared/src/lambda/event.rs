//! Events and responses of API Gateway's HTTP APIs (payload format 2.0). Guards against the inputs on which the library
//! would panic: a body that is not base64, or an invalid host.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{
    Request,
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::{
        HeaderName, HeaderValue,
        header::{HOST, SET_COOKIE},
    },
    request::LambdaRequest,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::http::{self, Error, Response, Violation};

/// Converts an event to a request.
///
/// # Errors
/// [`Error::Invalid`] if the body is declared as base64 but is not; [`Error::Internal`] if the event has another
/// format.
pub(super) fn to_request(event: &RawValue) -> Result<Request, Error> {
    let mut event = parse(event.get())?;
    if event.is_base64_encoded
        && event
            .body
            .as_deref()
            .is_some_and(|body| STANDARD.decode(body).is_err())
    {
        return Err(Error::field(
            "",
            Violation::new("invalid", "the request body is not valid base64"),
        ));
    }
    // The library builds a URI from these without validation. Only the domain name is used, validated.
    event.headers.remove(HOST);
    event
        .headers
        .remove(HeaderName::from_static("x-forwarded-proto"));
    let domain_name = event.request_context.domain_name.take();
    event.request_context.stage = None;
    event.raw_query_string = None;
    event.raw_path = None;
    let mut request = LambdaRequest::ApiGatewayV2(event).into();
    if let Some(domain_name) = domain_name {
        http::set_served_host(&mut request, &domain_name);
    }
    Ok(request)
}

/// A JSON object with unparsed values.
type Members = BTreeMap<String, Box<RawValue>>;

fn parse(event: &str) -> Result<ApiGatewayV2httpRequest, Error> {
    serde_json::from_str(event).or_else(|error| {
        // Headers with invalid names or values, such as control characters, are dropped. The rest stays unchanged.
        let mut members: Members = serde_json::from_str(event).map_err(Error::internal)?;
        let headers = members
            .get_mut("headers")
            .ok_or_else(|| Error::internal(error))?;
        let mut valid: Members = serde_json::from_str(headers.get()).map_err(Error::internal)?;
        valid.retain(|name, value| is_valid_header(name, value));
        *headers = to_raw_value(&valid).map_err(Error::internal)?;
        let event = serde_json::to_string(&members).map_err(Error::internal)?;
        serde_json::from_str(&event).map_err(Error::internal)
    })
}

fn is_valid_header(name: &str, value: &RawValue) -> bool {
    let value: Result<String, _> = serde_json::from_str(value.get());
    value.is_ok_and(|value| HeaderValue::from_str(&value).is_ok())
        && HeaderName::from_bytes(name.as_bytes()).is_ok()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse<'a> {
    status_code: u16,
    headers: BTreeMap<&'a str, &'a str>,
    body: &'a str,
    is_base64_encoded: bool,
    /// The `Set-Cookie` headers, which API Gateway ignores elsewhere. Optional for API Gateway, but required by `cargo lambda
    /// watch`.
    cookies: Vec<&'a str>,
}

/// Converts a response to the format that API Gateway expects.
#[must_use]
pub(super) fn from_response(response: &Response) -> Box<RawValue> {
    let headers = response.headers().iter();
    let texts = headers.filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
    let (cookies, headers): (Vec<_>, Vec<_>) = texts.partition(|(name, _)| *name == SET_COOKIE);
    let gateway_response = GatewayResponse {
        status_code: response.status().as_u16(),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect(),
        body: response.body(),
        is_base64_encoded: false,
        cookies: cookies.into_iter().map(|(_, cookie)| cookie).collect(),
    };
    // Strings and numbers can always be serialized. API Gateway would convert a null to a 500.
    to_raw_value(&gateway_response).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
