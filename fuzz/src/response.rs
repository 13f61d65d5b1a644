//! The properties of the functions' responses.

use serde_json::{Value, json};

use crate::PASSWORD;

/// Checks the form of a response and returns its status.
///
/// # Panics
/// If the response breaks the contract: a finding.
#[must_use]
pub fn check_response(response: &Value) -> u64 {
    let status = response["statusCode"].as_u64().expect("a status");
    let headers = response["headers"].as_object().expect("headers");
    for (name, value) in headers {
        let value = value.as_str().expect("a string");
        assert!(
            name.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase()),
            "{name}"
        );
        assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{name}"
        );
    }
    let header = |name: &str| headers.get(name).and_then(Value::as_str);
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    assert_eq!(response["isBase64Encoded"], false);
    let body = response["body"].as_str().expect("a string");
    if status == 204 {
        assert!(body.is_empty() && header("content-type").is_none());
        return status;
    }
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert!(body.is_object());
    if status < 400 {
        assert_eq!(header("content-type"), Some("application/json"));
        return status;
    }
    assert_eq!(header("content-type"), Some("application/problem+json"));
    assert_eq!(header("cache-control"), Some("no-store"));
    assert_eq!(
        (&body["type"], &body["status"]),
        (&json!("about:blank"), &json!(status))
    );
    let has_errors = body["errors"]
        .as_array()
        .is_some_and(|errors| !errors.is_empty());
    assert_eq!(has_errors, status == 400, "{body}");
    assert_eq!(header("www-authenticate").is_some(), status == 401);
    assert_eq!(
        header("retry-after").is_some(),
        status == 429 || status == 503
    );
    status
}

/// Checks that no error repeats a secret.
///
/// # Panics
/// If it does: a finding.
pub fn check_no_secret(response: &Value, status: u64, token: &str) {
    let text = response.to_string();
    let has_secret = [token, PASSWORD, "$argon2"]
        .iter()
        .any(|secret| text.contains(secret));
    assert!(status < 400 || !has_secret, "{text}");
}

/// Returns false if the status excludes a write.
#[must_use]
pub fn may_have_written(status: u64, response: &Value) -> bool {
    match status {
        401 => response.to_string().contains("invalid_credentials"),
        404 | 413 => false,
        400 => response.to_string().contains("incorrect"),
        _ => true,
    }
}
