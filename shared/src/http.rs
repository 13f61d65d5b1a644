//! Reads requests and makes answers. Knows API Gateway's events and the contract's conventions, and no table.

mod error;
mod fields;
mod reason;
mod source;

use lambda_http::{
    Request, RequestExt as _,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT, X_CONTENT_TYPE_OPTIONS},
    },
    request::RequestContext,
};
use serde::Serialize;
use serde_json::json;

pub use self::{
    error::Error,
    fields::{Fields, body},
    reason::{FieldError, Reason},
    source::{group_source, source},
};

/// An answer: its body is JSON or empty.
pub type Response = lambda_http::http::Response<String>;

/// Bytes of the largest body that is read.
pub const MAX_BODY: usize = 16 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Refuses a body that is too large.
///
/// # Errors
/// [`Error::PayloadTooLarge`] over [`MAX_BODY`].
pub fn check_size(request: &Request) -> Result<(), Error> {
    if request.body().len() > MAX_BODY {
        Err(Error::PayloadTooLarge)
    } else {
        Ok(())
    }
}

/// `status` with `value` as the body.
///
/// # Errors
/// [`Error::Internal`] if `value` does not serialise.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Error> {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    Ok(response)
}

/// `status` with a sentence for a person.
///
/// # Errors
/// None that can happen: a sentence serialises.
pub fn detail(status: StatusCode, sentence: &str) -> Result<Response, Error> {
    json(status, &json!({ "detail": sentence }))
}

/// 204, without a body or a type.
#[must_use]
pub fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// The route that led here, as the template states it, such as `GET /api/users/{id}`: no value of anybody's.
#[must_use]
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.route_key.as_deref().unwrap_or_default()
        }
        _ => "",
    }
}

/// What the client calls itself; may be anything.
#[must_use]
pub fn user_agent(request: &Request) -> &str {
    request
        .headers()
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
