//! Parsing of requests and construction of responses, after the conventions of openapi.yaml. Accesses no table.

mod error;
mod fields;
mod new_password;
mod origin;
pub(crate) mod session_cookie;
mod source_address;
mod violation;

use lambda_http::{
    Request, RequestExt as _,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_NONE_MATCH,
            REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
        },
    },
    request::RequestContext,
};
use serde::Serialize;
use serde_json::json;

pub(crate) use self::origin::{check as check_origin, is_unsafe};
pub use self::{
    error::Error,
    fields::{Fields, MAX_ERRORS, body},
    source_address::{check_edge, source, source_group},
    violation::{FieldError, Violation},
};

/// An HTTP response. The body is JSON or empty.
pub type Response = lambda_http::http::Response<String>;

/// Maximum size of a request body in bytes.
pub const MAX_BODY: usize = 16 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The security headers of every response: no caching, no type sniffing, no rendering and no framing in a browser, no
/// referrer, and HTTPS only.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    ),
];

/// Rejects a request body that is too large.
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

/// A response with `value` as its JSON body.
///
/// # Errors
/// [`Error::Internal`] if `value` cannot be serialized.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Error> {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    let mut response = response(status, body);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

fn response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(SECURITY_HEADERS);
    response
}

/// A response with the body `{"detail": sentence}`: a sentence for people.
///
/// # Errors
/// The errors of [`json()`], which cannot occur for a string.
pub fn detail(status: StatusCode, sentence: &str) -> Result<Response, Error> {
    json(status, &json!({ "detail": sentence }))
}

/// A response of text with this media type, for a page or a part of one. It has the security headers of every response,
/// which forbid caching and rendering; the caller replaces those.
#[must_use]
pub fn text(status: StatusCode, media_type: HeaderValue, body: String) -> Response {
    let mut response = response(status, body);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// A response with status 204 and no body.
#[must_use]
pub fn no_content() -> Response {
    response(StatusCode::NO_CONTENT, String::new())
}

/// The route of the request as in template.yaml, such as `GET /api/users/{id}`, without values. Empty if there is none.
#[must_use]
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.route_key.as_deref().unwrap_or_default()
        }
        _ => "",
    }
}

/// The host at which API Gateway received a request, as an extension of the request.
#[derive(Clone)]
struct ServedHost(String);

/// Stores the host that API Gateway names as `requestContext.domainName`, in lower case and with its port, if any. Ignores
/// a text that is no host.
pub(crate) fn set_served_host(request: &mut Request, domain_name: &str) {
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    let starts_well = domain_name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && domain_name.bytes().all(is_of_host) {
        let host = ServedHost(domain_name.to_ascii_lowercase());
        request.extensions_mut().insert(host);
    }
}

/// The host at which API Gateway received the request, such as `api.example.com`. Unlike the header `Host`, which a proxy
/// may forward from a client, it is a domain of the API.
#[must_use]
pub fn served_host(request: &Request) -> Option<&str> {
    request
        .extensions()
        .get::<ServedHost>()
        .map(|ServedHost(host)| host.as_str())
}

/// The `Accept-Language` header, unvalidated. Empty if it is missing or not visible ASCII.
#[must_use]
pub fn accept_language(request: &Request) -> &str {
    text_header(request, &ACCEPT_LANGUAGE)
}

/// The `If-None-Match` header, unvalidated. Empty if it is missing or not visible ASCII.
#[must_use]
pub fn if_none_match(request: &Request) -> &str {
    text_header(request, &IF_NONE_MATCH)
}

/// The `User-Agent` header, unvalidated. Empty if it is missing or not visible ASCII.
#[must_use]
pub fn user_agent(request: &Request) -> &str {
    text_header(request, &USER_AGENT)
}

fn text_header<'a>(request: &'a Request, name: &HeaderName) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
