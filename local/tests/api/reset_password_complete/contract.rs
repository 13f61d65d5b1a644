//! `POST` and `PATCH /api/passwords/reset_password_complete`: methods and field errors.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, with_password},
    password_reset::{assert_completed, assert_unchanged, completion},
    paths::{RESET_PASSWORD, RESET_PASSWORD_COMPLETE},
    response::{field_error, problem},
};

#[tokio::test(flavor = "multi_thread")]
async fn patch_works_like_post() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let token = app.reset_token("john@example.com").await;
    let request = app.request(Method::PATCH, RESET_PASSWORD_COMPLETE);
    let request = request.json(&completion(OTHER_PASSWORD, OTHER_PASSWORD, &token));
    assert_completed(&app.send(request).await);
    app.token("john", OTHER_PASSWORD).await;
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_verifies_the_address() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    assert_eq!(app.details(&john).await.json()["email_verified"], false);
    let token = app.reset_token("john@example.com").await;
    assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
    app.mail();
    let session = app.token("john", OTHER_PASSWORD).await;
    let verified = async || app.details_with(&john, &session).await.json()["email_verified"].take();
    assert_eq!(verified().await, true);
    // Another spelling is the same address, and another address is not verified.
    for (email, expected) in [("JOHN@example.com", true), ("new@example.com", false)] {
        let change = with_password(
            OTHER_PASSWORD,
            json!({"email": email, "email_verified": true}),
        );
        let changed = app.update(&session, &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(changed.json()["email_verified"], expected);
        assert_eq!(verified().await, expected);
    }
    app.mail();
    let change = with_password(
        OTHER_PASSWORD,
        json!({"first_name": "J", "email_verified": true}),
    );
    let refused = app.update(&session, &change).await;
    assert_eq!(
        refused.field_errors(),
        [field_error("email_verified", "read_only")]
    );
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn confirmation_ignores_unicode_composition() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let (composed, decomposed) = ("caf\u{e9} au lait s'il", "cafe\u{301} au lait s'il");
        assert_completed(
            &app.post(
                RESET_PASSWORD_COMPLETE,
                &completion(composed, decomposed, &token),
            )
            .await,
        );
        app.token("john", decomposed).await;
        app.mail();
    }
}

mod case_24_invalid_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mismatched_confirmation_does_not_consume_the_token() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        for confirmation in [
            PASSWORD,
            "",
            "Seventeen purple submarines",
            "seventeen purple submarines ",
        ] {
            let body = completion(OTHER_PASSWORD, confirmation, &token);
            let response = app.post(RESET_PASSWORD_COMPLETE, &body).await;
            let mismatch = field_error("password_confirmation", "mismatch");
            assert_eq!(response.field_errors(), [mismatch], "{confirmation:?}");
            assert!(!response.text.contains(OTHER_PASSWORD));
        }
        assert_unchanged(&app, &user).await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rejected_passwords_do_not_consume_the_token() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let long = "x".repeat(129);
        for (password, code) in [
            ("newpass", "too_short"),
            ("", "too_short"),
            ("mypassword", "too_common"),
            (&long, "too_long"),
            ("john@example.com", "too_similar"),
            ("JohnExample1", "too_similar"),
        ] {
            let response = app.complete(&token, password).await;
            let error = field_error("new_password", code);
            assert_eq!(response.field_errors(), [error], "{password:?}");
            assert!(password.len() < 8 || !response.text.contains(password));
        }
        assert_unchanged(&app, &user).await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_fields_do_not_consume_the_token() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let errors = async |body: Value| {
            app.post(RESET_PASSWORD_COMPLETE, &body)
                .await
                .field_errors()
        };
        assert_eq!(
            errors(json!({})).await,
            ["new_password", "password_confirmation", "reset_token"]
                .map(|field| field_error(field, "required"))
        );
        let wrong_types = json!({
            "new_password": 1, "password_confirmation": null, "reset_token": [token], "email": "",
        });
        assert_eq!(
            errors(wrong_types).await,
            [
                field_error("new_password", "invalid"),
                field_error("password_confirmation", "invalid"),
                field_error("reset_token", "invalid"),
                field_error("email", "unknown_field"),
            ]
        );
        assert_unchanged(&app, &user).await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_methods_do_not_consume_the_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            for path in [RESET_PASSWORD_COMPLETE, RESET_PASSWORD] {
                let path =
                    format!("{path}?token={token}&reset_token={token}&email=john@example.com");
                let request = app.request(method.parse().unwrap(), &path);
                let request = request.json(&completion(OTHER_PASSWORD, OTHER_PASSWORD, &token));
                let response = app.send(request).await;
                assert_eq!(response.status, 404, "{method}");
                let expected = if method == "HEAD" {
                    ""
                } else {
                    r#"{"message":"Not Found"}"#
                };
                assert_eq!(response.text, expected, "{method}");
            }
        }
        assert_unchanged(&app, &user).await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn weak_passwords_do_not_consume_the_token() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("johanna").await;
        assert_eq!(
            app.change(
                &user.token,
                json!({"first_name": "Bartholomea", "last_name": "Quetzal"})
            )
            .await
            .status,
            200
        );
        let link = app.reset_token("johanna@example.com").await;
        let runs = app.hasher.count();
        for token in [link.as_str(), "nonsense", ""] {
            let body = json!({"new_password": "short", "password_confirmation": "other", "reset_token": token});
            assert_eq!(
                app.post(RESET_PASSWORD_COMPLETE, &body)
                    .await
                    .field_errors(),
                [
                    field_error("new_password", "too_short"),
                    field_error("password_confirmation", "mismatch")
                ]
            );
        }
        // Only a valid token reveals that the password is similar to the user's details.
        for similar in [
            "bartholomea1",
            "QUETZAL2026",
            "johanna@example.com",
            "annahoj1",
            "BartholomeaQuetzal",
        ] {
            let response = app.complete(&link, similar).await;
            assert_eq!(
                response.field_error(),
                field_error("new_password", "too_similar"),
                "{similar}"
            );
            let unknown = format!("{}-{}", link.split('-').next().unwrap(), "0".repeat(40));
            assert!(
                app.complete(&unknown, similar).await.problem() == problem(400, "invalid_token")
            );
        }
        assert_eq!(app.hasher.count(), runs, "none of it was hashed");
        // The current password is accepted as the new one.
        assert_eq!(app.complete(&link, PASSWORD).await.status, 201);
        app.mail();
        app.token("johanna", PASSWORD).await;
        assert_eq!(app.details(&user).await.status, 401);
    }
}
