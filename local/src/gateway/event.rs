//! The event that API Gateway makes of a request (HTTP API, payload format 2.0).

use std::{collections::BTreeMap, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, header, http::request::Parts};
use serde_json::{Map, Value, json, value::RawValue};
use shared::domain::clock::Timestamp;
use time::{OffsetDateTime, macros::format_description};
use url::form_urlencoded;

use super::routes::Match;
use crate::template::ACCOUNT;

/// The id that the API claims to have.
const API_ID: &str = "local";
/// Headers about the connection itself, which end at the gateway.
const NOT_PASSED_ON: [&str; 7] = [
    "connection",
    "cookie",
    "expect",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];
/// How a body must be declared to reach the function as text.
const TEXTUAL: [&str; 3] = [
    "application/json",
    "application/javascript",
    "application/xml",
];

/// What the gateway knows of a request beside what the client sent.
pub(crate) struct Call<'a> {
    pub found: &'a Match<'a>,
    pub peer: SocketAddr,
    pub request_id: &'a str,
    pub now: Timestamp,
}

/// The event of a request.
pub(crate) fn event(
    call: &Call,
    request: &Parts,
    body: &[u8],
) -> serde_json::Result<Box<RawValue>> {
    let (body, is_base64_encoded) = encode(&request.headers, body);
    let query = request.uri.query().unwrap_or_default();
    let route_key = call.found.route.key();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.uri.path(),
        "rawQueryString": query,
        "headers": headers(&request.headers, call.peer),
        "requestContext": context(call, request),
        "isBase64Encoded": is_base64_encoded,
    });
    if let Value::Object(fields) = &mut event {
        // API Gateway leaves out what is empty.
        let cookies = cookies(&request.headers);
        let optional = [
            ("cookies", (!cookies.is_empty()).then(|| json!(cookies))),
            (
                "queryStringParameters",
                (!query.is_empty()).then(|| query_parameters(query)),
            ),
            ("pathParameters", path_parameters(call.found)),
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

fn context(call: &Call, request: &Parts) -> Value {
    let domain =
        text_of(&request.headers, header::HOST.as_str()).unwrap_or_else(|| "localhost".to_owned());
    json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": request.method.as_str(),
            "path": request.uri.path(),
            "protocol": format!("{:?}", request.version),
            "sourceIp": call.peer.ip().to_string(),
            "userAgent": text_of(&request.headers, header::USER_AGENT.as_str()).unwrap_or_default(),
        },
        "requestId": call.request_id,
        "routeKey": call.found.route.key(),
        "stage": "$default",
        "time": common_log_time(call.now),
        "timeEpoch": call.now.unix().saturating_mul(1000),
    })
}

/// Lower-case names, the values of equal names joined by commas, and what the gateway itself adds.
fn headers(received: &HeaderMap, peer: SocketAddr) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = received
        .keys()
        .map(hyper::header::HeaderName::as_str)
        .filter(|name| !NOT_PASSED_ON.contains(name))
        .filter_map(|name| Some((name.to_owned(), text_of(received, name)?)))
        .collect();
    let forwarded = match headers.get("x-forwarded-for") {
        Some(claimed) => format!("{claimed}, {}", peer.ip()),
        None => peer.ip().to_string(),
    };
    headers.insert("x-forwarded-for".to_owned(), forwarded);
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    headers
}

/// Every value of a header, joined by commas. Bytes that are no UTF-8 are taken for Latin-1, so that no request is lost.
fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
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

/// Decoded, the values of equal names joined by commas.
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

fn path_parameters(found: &Match) -> Option<Value> {
    let parameters: Map<String, Value> = found
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    (!parameters.is_empty()).then_some(Value::Object(parameters))
}

/// The body as the event holds it, and whether that is base64.
fn encode(headers: &HeaderMap, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let declared = text_of(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = declared
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_textual = media_type.starts_with("text/") || TEXTUAL.contains(&media_type.as_str());
    match str::from_utf8(body) {
        Ok(text) if is_textual => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// `12/Mar/2020:19:03:58 +0000`
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
