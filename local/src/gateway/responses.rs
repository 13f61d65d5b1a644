//! Responses of API Gateway: its own errors, and what functions return (payload format 2.0).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::http_server::{self, Response, json_response};

/// An error of API Gateway itself, with the message that API Gateway uses.
pub(super) fn gateway_error(status: StatusCode) -> Response {
    let message = match status {
        // The reason phrase of RFC 9110 differs.
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    };
    json_response(status, json!({ "message": message }).to_string())
}

/// The response of a function (payload format 2.0).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    multi_value_headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response that a function returned; `None` if it is malformed.
pub(super) fn from_function(returned: &str) -> Option<Response> {
    let returned: FunctionResponse = serde_json::from_str(returned).ok()?;
    let text = returned.body.unwrap_or_default();
    let body = if returned.is_base64_encoded {
        STANDARD.decode(text).ok()?
    } else {
        text.into_bytes()
    };
    let mut headers = HeaderMap::new();
    for (name, value) in returned.headers.iter().chain(&returned.multi_value_headers) {
        let name: HeaderName = name.parse().ok()?;
        match value {
            Value::Array(values) => {
                for value in values {
                    headers.append(&name, header_value(value)?);
                }
            }
            value => {
                headers.insert(name, header_value(value)?);
            }
        }
    }
    for cookie in &returned.cookies {
        headers.append(SET_COOKIE, cookie.parse().ok()?);
    }
    let status = StatusCode::from_u16(returned.status_code).ok()?;
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=utf-8"),
        );
    }
    let mut response = Response::new(http_server::body(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Some(response)
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(_) | Value::Bool(_) => value.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn rendered(response: Response) -> String {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes();
        let headers: Vec<String> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
            .collect();
        format!(
            "{} [{}] {}",
            parts.status.as_u16(),
            headers.join(", "),
            String::from_utf8_lossy(&body)
        )
    }

    #[tokio::test]
    async fn gateway_errors_have_the_documented_messages() {
        for (status, expected) in [
            (StatusCode::NOT_FOUND, "Not Found"),
            (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            (StatusCode::BAD_REQUEST, "Bad Request"),
        ] {
            let expected = format!(
                r#"{} [content-type: application/json] {{"message":"{expected}"}}"#,
                status.as_u16()
            );
            assert_eq!(rendered(gateway_error(status)).await, expected);
        }
    }

    #[tokio::test]
    async fn a_function_response_becomes_an_http_response() {
        let returned = r#"{"statusCode":201,"headers":{"X-One":"1"},"multiValueHeaders":{"x-two":["a","b"]},
            "cookies":["c=d"],"body":"e30=","isBase64Encoded":true}"#;
        let expected = "201 [x-one: 1, x-two: a, x-two: b, set-cookie: c=d, content-type: text/plain;charset=utf-8] {}";
        assert_eq!(
            rendered(from_function(returned).expect("a response")).await,
            expected
        );
        assert_eq!(
            rendered(from_function(r#"{"statusCode":204,"body":null}"#).expect("a response")).await,
            "204 [] "
        );
    }

    #[test]
    fn malformed_function_responses_are_rejected() {
        for returned in [
            "null",
            "[]",
            "{}",
            r#"{"statusCode":"200"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"c\nd"}}"#,
            r#"{"statusCode":200,"headers":{"a":null}}"#,
            r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
        ] {
            assert!(from_function(returned).is_none(), "{returned}");
        }
    }
}
