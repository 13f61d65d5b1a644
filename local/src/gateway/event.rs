//! Events of API Gateway (HTTP API, payload format 2.0).

use std::{collections::BTreeMap, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, header, http::request::Parts};
use serde_json::{Map, Value, json, value::RawValue};
use shared::domain::clock::Timestamp;
use time::{OffsetDateTime, macros::format_description};
use url::form_urlencoded;

use super::routes::RouteMatch;
use crate::template::ACCOUNT;

/// The id of the API in events.
const API_ID: &str = "local";
/// Headers that API Gateway does not forward: those of the connection, and `cookie`, which has a field of its own.
const DROPPED_HEADERS: [&str; 7] = [
    "connection",
    "cookie",
    "expect",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];
/// Media types other than `text/*` whose bodies events contain as text.
const TEXT_MEDIA_TYPES: [&str; 3] = [
    "application/json",
    "application/javascript",
    "application/xml",
];

/// The properties of a request that the client did not send.
pub(super) struct RequestContext<'a> {
    pub route_match: &'a RouteMatch<'a>,
    pub peer: SocketAddr,
    pub request_id: &'a str,
    pub now: Timestamp,
}

/// Builds the event of a request.
pub(super) fn build(
    context: &RequestContext,
    request: &Parts,
    body: &[u8],
) -> serde_json::Result<Box<RawValue>> {
    let (body, is_base64_encoded) = encode_body(&request.headers, body);
    let query = request.uri.query().unwrap_or_default();
    let route_key = context.route_match.route.key();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.uri.path(),
        "rawQueryString": query,
        "headers": headers(&request.headers, context.peer),
        "requestContext": request_context(context, request),
        "isBase64Encoded": is_base64_encoded,
    });
    if let Value::Object(fields) = &mut event {
        // API Gateway omits empty fields.
        let cookies = cookies(&request.headers);
        let optional = [
            ("cookies", (!cookies.is_empty()).then(|| json!(cookies))),
            (
                "queryStringParameters",
                (!query.is_empty()).then(|| query_parameters(query)),
            ),
            ("pathParameters", path_parameters(context.route_match)),
            ("body", body.map(Value::String)),
        ];
        fields.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
    }
    serde_json::value::to_raw_value(&event)
}

fn request_context(context: &RequestContext, request: &Parts) -> Value {
    let domain = header_text(&request.headers, header::HOST.as_str())
        .unwrap_or_else(|| "localhost".to_owned());
    json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": request.method.as_str(),
            "path": request.uri.path(),
            "protocol": format!("{:?}", request.version),
            "sourceIp": context.peer.ip().to_string(),
            "userAgent": header_text(&request.headers, header::USER_AGENT.as_str()).unwrap_or_default(),
        },
        "requestId": context.request_id,
        "routeKey": context.route_match.route.key(),
        "stage": "$default",
        "time": common_log_time(context.now),
        "timeEpoch": context.now.unix().saturating_mul(1000),
    })
}

/// The headers, with lower-case names, repeated values joined by commas, and the headers that the gateway adds.
fn headers(received: &HeaderMap, peer: SocketAddr) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = received
        .keys()
        .map(hyper::header::HeaderName::as_str)
        .filter(|name| !DROPPED_HEADERS.contains(name))
        .filter_map(|name| Some((name.to_owned(), header_text(received, name)?)))
        .collect();
    let forwarded = match headers.get("x-forwarded-for") {
        Some(received) => format!("{received}, {}", peer.ip()),
        None => peer.ip().to_string(),
    };
    headers.insert("x-forwarded-for".to_owned(), forwarded);
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    headers
}

/// The values of a header joined by commas. Values that are not UTF-8 are decoded as Latin-1.
fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers
        .get_all(name)
        .iter()
        .map(|value| match str::from_utf8(value.as_bytes()) {
            Ok(text) => text.to_owned(),
            Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
        });
    values.reduce(|joined, value| format!("{joined},{value}"))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let joined = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| str::from_utf8(value.as_bytes()).ok());
    joined
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// The query parameters, decoded, with repeated values joined by commas.
fn query_parameters(query: &str) -> Value {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    json!(parameters)
}

fn path_parameters(route_match: &RouteMatch) -> Option<Value> {
    let parameters: Map<String, Value> = route_match
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    (!parameters.is_empty()).then_some(Value::Object(parameters))
}

/// The body as text or base64, and true if it is base64.
fn encode_body(headers: &HeaderMap, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let content_type = header_text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_text =
        media_type.starts_with("text/") || TEXT_MEDIA_TYPES.contains(&media_type.as_str());
    match str::from_utf8(body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// Formats a time as in `12/Mar/2020:19:03:58 +0000`.
fn common_log_time(now: Timestamp) -> String {
    let format =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let instant = i64::try_from(now.unix())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    instant
        .and_then(|instant| instant.format(&format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
