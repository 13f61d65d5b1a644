//! API Gateway's HTTP API events (payload format 2.0) and the answers that it expects.
//! Takes care of what the library would panic on: a body that is not base64, a host that is none.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{
    Request,
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::{HeaderName, HeaderValue, header::HOST},
    request::LambdaRequest,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::http::{Error, Response, Violation};

/// The request that an event is about.
///
/// # Errors
/// [`Error::Invalid`] for a body that is not the base64 it is said to be; [`Error::Internal`] for what is no such event.
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
    // No answer depends on these, and the library makes an address of them without asking whether it is one.
    event.headers.remove(HOST);
    event
        .headers
        .remove(HeaderName::from_static("x-forwarded-proto"));
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    event.raw_query_string = None;
    event.raw_path = None;
    Ok(LambdaRequest::ApiGatewayV2(event).into())
}

/// An object whose values are left as they were written.
type Members = BTreeMap<String, Box<RawValue>>;

fn parse(event: &str) -> Result<ApiGatewayV2httpRequest, Error> {
    serde_json::from_str(event).or_else(|error| {
        // A header that cannot be one, for a control character in it, is as good as none. All else stays as it was written.
        let mut members: Members = serde_json::from_str(event).map_err(Error::internal)?;
        let headers = members
            .get_mut("headers")
            .ok_or_else(|| Error::internal(error))?;
        let mut readable: Members = serde_json::from_str(headers.get()).map_err(Error::internal)?;
        readable.retain(|name, value| is_header(name, value));
        *headers = to_raw_value(&readable).map_err(Error::internal)?;
        let event = serde_json::to_string(&members).map_err(Error::internal)?;
        serde_json::from_str(&event).map_err(Error::internal)
    })
}

fn is_header(name: &str, value: &RawValue) -> bool {
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
    /// API Gateway does without, but `cargo lambda watch` does not.
    cookies: [&'a str; 0],
}

/// The answer as API Gateway expects it.
#[must_use]
pub(super) fn from_response(response: &Response) -> Box<RawValue> {
    let headers = response.headers().iter();
    let headers = headers
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let answer = GatewayResponse {
        status_code: response.status().as_u16(),
        headers,
        body: response.body(),
        is_base64_encoded: false,
        cookies: [],
    };
    // Texts and numbers always serialise; the alternative, an empty answer, is one that API Gateway turns into a 500.
    to_raw_value(&answer).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
