//! `POST /auth/signup`: field errors.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp},
    paths::SIGN_UP,
    response::field_error,
};

#[tokio::test(flavor = "multi_thread")]
async fn all_field_errors_are_reported_at_once() {
    let app = TestApp::start().await;
    let body = json!({"username": "a@b", "password": "short", "first_name": 1, "id": 5, "is_superuser": true});
    let response = app.post(SIGN_UP, &body).await;
    assert_eq!(
        response.field_errors(),
        [
            field_error("username", "invalid"),
            field_error("email", "required"),
            field_error("first_name", "invalid"),
            field_error("password", "too_short"),
            field_error("id", "unknown_field"),
            field_error("is_superuser", "unknown_field"),
        ]
    );
}

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn usernames_ignore_case_and_allow_150_characters() {
        let app = TestApp::without_source_limits().await;
        let longest = "Ab0._+-".repeat(22)[..150].to_owned();
        assert_eq!(
            app.try_sign_up(&longest, "a@example.com", PASSWORD)
                .await
                .status,
            201
        );
        assert_eq!(
            app.log_in(&longest.to_uppercase(), PASSWORD).await.status,
            200
        );
        for (username, code) in [
            (longest.to_lowercase(), "taken"),
            (longest.to_uppercase(), "taken"),
            (format!("{longest}x"), "too_long"),
            (String::new(), "too_short"),
        ] {
            let response = app.try_sign_up(&username, "b@example.com", PASSWORD).await;
            assert_eq!(
                response.field_error(),
                field_error("username", code),
                "{username}"
            );
        }
        for username in [
            ".",
            "..",
            "-",
            "_",
            "+",
            "0",
            "null",
            "me",
            "admin",
            "__proto__",
            "constructor",
            "1e3",
        ] {
            let email = format!(
                "{}@example.com",
                username.len() * 7 + usize::from(username.as_bytes()[0]) * 100
            );
            let response = app.try_sign_up(username, &email, PASSWORD).await;
            assert_eq!(response.status, 201, "{username}: {response:?}");
            assert_eq!(response.json()["user"]["username"], username);
            app.token(username, PASSWORD).await;
        }
    }
}
