//! Apps where a new address takes effect once it is confirmed.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    app::{TestApp, TestUser},
    paths::RESEND_CONFIRMATION,
    response::{Response, problem},
};

/// The setting.
pub const CONFIRM_FIRST: (&str, &str) = ("CONFIRM_EMAIL_CHANGE", "true");

/// The address that tests change to.
pub const NEW: &str = "new@example.com";

/// Starts an app with the setting, without limits by source, and with John, whose address is confirmed.
pub async fn start() -> (TestApp, TestUser) {
    let app = TestApp::without_source_limits_and(&[CONFIRM_FIRST]).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    (app, john)
}

/// Gives `email` as the new address, reads the notice, and returns the key of the link to it.
pub async fn request(app: &TestApp, user: &TestUser, email: &str) -> String {
    let response = app.change(&user.token, json!({"email": email})).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.json()["pending_email"], email);
    assert_eq!(app.mail().to, [user.email.as_str()]);
    app.confirmation_key(email)
}

/// Requests another confirmation link.
pub async fn resend(app: &TestApp, user: &TestUser) -> Response {
    let request = app.request(Method::POST, RESEND_CONFIRMATION);
    let token = format!("Bearer {}", user.token);
    app.send(request.header("authorization", token)).await
}

/// The address, whether it is verified, and the pending address.
pub async fn addresses(app: &TestApp, user: &TestUser) -> (Value, Value, Value) {
    let details = app.details(user).await.json();
    let field = |name: &str| details[name].clone();
    (
        field("email"),
        field("email_verified"),
        field("pending_email"),
    )
}

/// Checks that John has the address that he signed up with, and no pending one.
pub async fn assert_kept(app: &TestApp, user: &TestUser) {
    let expected = (json!(user.email), json!(true), Value::Null);
    assert_eq!(addresses(app, user).await, expected);
}

/// Checks that the user has `email`, verified, and no pending address.
pub async fn assert_moved(app: &TestApp, user: &TestUser, email: &str) {
    let expected = (json!(email), json!(true), Value::Null);
    assert_eq!(addresses(app, user).await, expected);
}

pub fn assert_rejected(response: &Response) {
    assert_eq!(response.problem(), problem(400, "invalid_token"));
}
