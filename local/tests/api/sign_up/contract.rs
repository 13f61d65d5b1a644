//! `POST /auth/signup`: the success response.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, START, TestApp},
    paths::SIGN_UP,
};

#[tokio::test(flavor = "multi_thread")]
async fn returns_a_token_and_the_user() {
    let app = TestApp::start().await;
    let body = json!({
        "username": "jc123", "email": " John@Example.COM ", "password": PASSWORD,
        "first_name": "John", "last_name": "Doe",
    });
    let response = app.post(SIGN_UP, &body).await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let mut body = response.json();
    let id = body["user"]["id"].take().as_u64().unwrap();
    assert!((1..1 << 53).contains(&id));
    let token = body["token"].take();
    assert_eq!(
        body,
        json!({"token": null, "user": {
            "id": null, "username": "jc123", "email": "John@Example.COM", "first_name": "John", "last_name": "Doe",
            "is_superuser": false, "email_verified": false, "date_joined": "2026-01-31T12:00:00Z",
        }})
    );
    assert_eq!(START, 1_769_860_800);
    let read = app
        .get(&format!("/api/users/{id}"), token.as_str().unwrap())
        .await;
    assert_eq!(
        (read.status, read.json()["username"].as_str()),
        (200, Some("jc123"))
    );
}
