//! What tests of both endpoints of the password reset share.

use local::faults::Gate;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, TestUser},
    response::Response,
};

/// The body of every response to a request for a link.
pub const QUEUED: &str =
    r#"{"detail":"The password reset link has been queued for e-mail delivery."}"#;

/// The body of a completed reset.
pub const CHANGED: &str = r#"{"detail":"The password has been changed. Log in with the new one."}"#;

/// The body of every response to an invalid token.
pub const INVALID_TOKEN: &str = r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"This password reset link is invalid or has expired. Request a new one.","code":"invalid_token","errors":[{"field":"reset_token","code":"invalid","message":"is invalid or has expired"}]}"#;

/// The beginning of every link, by the template's default.
pub const LINK: &str = "http://localhost:3000/reset_password?token=";

/// Checks that a link was queued.
pub fn assert_queued(response: &Response) {
    assert_json(response, StatusCode::OK, QUEUED);
}

/// Checks that a reset was completed.
pub fn assert_completed(response: &Response) {
    assert_json(response, StatusCode::CREATED, CHANGED);
}

fn assert_json(response: &Response, status: StatusCode, text: &str) {
    assert_eq!(
        (response.status, response.text.as_str()),
        (status.as_u16(), text)
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

/// Checks for the exact response to an invalid token.
pub fn assert_invalid(response: &Response) {
    assert_eq!(response.text, INVALID_TOKEN);
    response.assert_invalid_token();
}

/// Checks that [`PASSWORD`] is still the user's password and that the session is valid.
pub async fn assert_unchanged(app: &TestApp, user: &TestUser) {
    assert_eq!(app.details(user).await.status, 200);
    assert_eq!(app.log_in(&user.username, PASSWORD).await.status, 200);
    assert_eq!(app.log_in(&user.username, OTHER_PASSWORD).await.status, 401);
}

/// The body of a completion.
pub fn completion(new: &str, confirmation: &str, token: &str) -> Value {
    json!({"new_password": new, "password_confirmation": confirmation, "reset_token": token})
}

/// The part of the link before the token, in the text of a reset mail.
pub fn link_base(text: &str) -> &str {
    let line = text.lines().find(|line| line.contains("token=")).unwrap();
    line.split_inclusive("token=").next().unwrap()
}

/// Requests a link from the address `source`, as API Gateway reports it.
pub async fn request_from(app: &TestApp, source: &str, email: &str) -> (u64, Value) {
    app.invoke("reset_password", |event| {
        event["requestContext"]["http"]["sourceIp"] = json!(source);
        event["body"] = json!(json!({"email": email}).to_string());
    })
    .await
}

/// Completes a reset from the address `source`, as API Gateway reports it.
pub async fn complete_from(app: &TestApp, source: &str, token: &str) -> (u64, Value) {
    app.invoke("reset_password_complete", |event| {
        event["requestContext"]["http"]["sourceIp"] = json!(source);
        let body = completion(OTHER_PASSWORD, OTHER_PASSWORD, token);
        event["body"] = json!(body.to_string());
    })
    .await
}

/// Holds the next transaction that consumes a reset token.
pub fn hold_completion(app: &TestApp) -> Gate {
    app.proxy.hold(|call| {
        call.operation == "TransactWriteItems"
            && call.keys().iter().any(|(_, key)| key.starts_with("reset#"))
    })
}

/// Requests and receives five mails, the limit of a day, two minutes apart; returns the token of the last.
pub async fn use_up_mails(app: &TestApp, email: &str) -> String {
    let mut token = String::new();
    for _ in 0..5 {
        token = app.reset_token(email).await;
        app.advance(super::times::COOL_DOWN);
    }
    token
}
