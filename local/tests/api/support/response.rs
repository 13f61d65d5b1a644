//! A response of the API, and what tests assert about it.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The session token that a sign-up or a log-in returns.
    pub fn token(&self) -> String {
        self.json()["token"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status, headers and body without the `date` header, for comparison with another response.
    pub fn without_date(mut self) -> (u16, HeaderMap, String) {
        self.headers.remove("date");
        (self.status, self.headers, self.text)
    }

    /// Status and code of a problem, after checking that it is complete (RFC 9457).
    pub fn problem(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["status"], self.status);
        assert!(
            body["title"].is_string() && body["detail"].is_string(),
            "{body}"
        );
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    /// Field and code of every error of a 400.
    pub fn field_errors(&self) -> Vec<(String, String)> {
        assert_eq!(
            self.problem(),
            (400, "invalid_request".to_owned()),
            "{self:?}"
        );
        let body = self.json();
        let text = |error: &Value, name| error[name].as_str().unwrap().to_owned();
        let errors = body["errors"].as_array().unwrap().iter();
        errors
            .map(|error| (text(error, "field"), text(error, "code")))
            .collect()
    }

    /// The only error of a 400.
    pub fn field_error(&self) -> (String, String) {
        let errors = self.field_errors();
        assert_eq!(errors.len(), 1, "{self:?}");
        errors[0].clone()
    }

    /// The seconds in `Retry-After` of a 429.
    pub fn throttled_seconds(&self) -> u64 {
        assert_eq!(
            self.problem(),
            problem(429, "too_many_requests"),
            "{self:?}"
        );
        self.retry_after()
    }

    /// The seconds in `Retry-After`.
    pub fn retry_after(&self) -> u64 {
        self.header("retry-after").unwrap().parse().unwrap()
    }

    /// Checks for a 503 that tells the client when to retry.
    pub fn assert_unavailable(&self) {
        assert_eq!(self.problem(), problem(503, "unavailable"), "{self:?}");
        assert!((1..=60).contains(&self.retry_after()), "{self:?}");
    }

    /// Checks for the 400 that every invalid reset token gets.
    pub fn assert_invalid_token(&self) {
        assert_eq!(self.problem(), problem(400, "invalid_token"), "{self:?}");
    }
}

/// An error as [`Response::field_error`] returns it.
pub fn field_error(field: &str, code: &str) -> (String, String) {
    (field.to_owned(), code.to_owned())
}

/// A problem as [`Response::problem`] returns it.
pub fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The statuses of these responses.
pub fn statuses(responses: &[Response]) -> Vec<u16> {
    responses.iter().map(|response| response.status).collect()
}
