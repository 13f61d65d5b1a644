//! `POST /auth/login`: names, and field errors.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp},
    paths::LOG_IN,
    response::field_error,
};

#[tokio::test(flavor = "multi_thread")]
async fn accepts_username_or_email_in_any_case() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    for name in [
        "john",
        "JOHN",
        "john@example.com",
        "John@Example.COM",
        " john@example.com\t",
    ] {
        let response = app.log_in(name, PASSWORD).await;
        assert_eq!(response.status, 200, "{name}: {response:?}");
        assert_eq!(response.json()["user"], app.details(&user).await.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_malformed_fields_are_rejected() {
    let app = TestApp::start().await;
    let log_in = async |body| app.post(LOG_IN, &body).await.field_errors();
    assert_eq!(
        log_in(json!({})).await,
        [
            field_error("username", "required"),
            field_error("password", "required")
        ]
    );
    let both = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    assert_eq!(log_in(both).await, [field_error("username", "invalid")]);
    assert_eq!(
        log_in(json!({"email": "john", "password": PASSWORD})).await,
        [field_error("email", "invalid")]
    );
    assert_eq!(
        log_in(json!({"username": null, "password": 1})).await,
        [
            field_error("username", "invalid"),
            field_error("password", "invalid")
        ]
    );
    let long = "x".repeat(513);
    assert_eq!(
        log_in(json!({"username": "john", "password": long})).await,
        [field_error("password", "too_long")]
    );
    let extra = json!({"username": "john", "password": PASSWORD, "remember": true});
    assert_eq!(
        log_in(extra).await,
        [field_error("remember", "unknown_field")]
    );
}
