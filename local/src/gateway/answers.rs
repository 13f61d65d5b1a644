//! Answers of API Gateway itself, and those that it makes of what a function returned.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::listener::Answer;

/// An answer without a function: a status and API Gateway's own words for it.
pub(super) fn own(status: StatusCode) -> Answer {
    let message = match status {
        // The words that API Gateway uses, where they differ from the status's own.
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    };
    let body = json!({ "message": message }).to_string();
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// What a function returns (payload format 2.0).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
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

/// The answer that `returned` describes; `None` if it describes none.
pub(super) fn of_function(returned: &str) -> Option<Answer> {
    let returned: Returned = serde_json::from_str(returned).ok()?;
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
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Some(answer)
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

    async fn shown(answer: Answer) -> String {
        let (parts, body) = answer.into_parts();
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
    async fn the_gateways_own_answers_have_its_words() {
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
            assert_eq!(shown(own(status)).await, expected);
        }
    }

    #[tokio::test]
    async fn what_a_function_returns_becomes_an_answer() {
        let returned = r#"{"statusCode":201,"headers":{"X-One":"1"},"multiValueHeaders":{"x-two":["a","b"]},
            "cookies":["c=d"],"body":"e30=","isBase64Encoded":true}"#;
        let expected = "201 [x-one: 1, x-two: a, x-two: b, set-cookie: c=d, content-type: text/plain;charset=utf-8] {}";
        assert_eq!(
            shown(of_function(returned).expect("an answer")).await,
            expected
        );
        assert_eq!(
            shown(of_function(r#"{"statusCode":204,"body":null}"#).expect("an answer")).await,
            "204 [] "
        );
    }

    #[test]
    fn nonsense_is_no_answer() {
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
            assert!(of_function(returned).is_none(), "{returned}");
        }
    }
}
