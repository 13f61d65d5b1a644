//! `POST /auth/signup`: families 14, 16 and 29 where they concern signing up.

use serde_json::json;

use crate::app::{OTHER_PASSWORD, PASSWORD, START, TestApp, fault};

const PATH: &str = "/auth/signup";

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_gives_a_token_and_the_user() {
    let app = TestApp::start().await;
    let body = json!({
        "username": "jc123", "email": " John@Example.COM ", "password": PASSWORD,
        "first_name": "John", "last_name": "Doe",
    });
    let answer = app.post(PATH, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut body = answer.json();
    let id = body["user"]["id"].take().as_u64().unwrap();
    assert!((1..1 << 53).contains(&id));
    let token = body["token"].take();
    assert_eq!(
        body,
        json!({"token": null, "user": {
            "id": null, "username": "jc123", "email": "John@Example.COM", "first_name": "John", "last_name": "Doe",
            "is_superuser": false, "date_joined": "2026-01-31T12:00:00Z",
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

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_at_once() {
    let app = TestApp::start().await;
    let body = json!({"username": "a@b", "password": "short", "first_name": 1, "id": 5, "is_superuser": true});
    let answer = app.post(PATH, &body).await;
    assert_eq!(
        answer.faults(),
        [
            fault("username", "invalid"),
            fault("email", "required"),
            fault("first_name", "invalid"),
            fault("password", "too_short"),
            fault("id", "unknown_field"),
            fault("is_superuser", "unknown_field"),
        ]
    );
}

mod case_29_one_account {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_taken_address_or_username_is_told_whatever_its_case() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let email =
            json!({"username": "other", "email": "JOHN@example.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(PATH, &email).await.fault(),
            fault("email", "taken")
        );
        let username =
            json!({"username": "JOHN", "email": "other@example.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(PATH, &username).await.fault(),
            fault("username", "taken")
        );
        let both =
            json!({"username": "John", "email": "john@EXAMPLE.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(PATH, &both).await.faults(),
            [fault("username", "taken"), fault("email", "taken")]
        );
        // Neither of the refused ones left anything behind.
        app.sign_up("other").await;
    }
}
