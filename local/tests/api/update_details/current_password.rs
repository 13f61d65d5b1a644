//! `PATCH /api/users/update_details`: the current password, and guesses of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{
        OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD, with_current_password, with_password,
    },
    paths::UPDATE_DETAILS,
    response::{Response, field_error, problem},
    times::SECOND,
};

/// The response to `update_details` with this token, if any, and this text as the body.
async fn update_with(app: &TestApp, token: Option<&str>, body: &str) -> Response {
    let request = app
        .request(Method::PATCH, UPDATE_DETAILS)
        .body(body.to_owned());
    let request = match token {
        Some(token) => request.header("authorization", format!("Token {token}")),
        None => request,
    };
    app.send(request).await
}

mod case_11_current_password {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_current_password_is_required() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let before = app.tables().user(user.id).await;
        let update = async |fields: Value| app.update(&user.token, &fields).await.field_error();
        let name = "first_name";
        assert_eq!(
            update(json!({name: "J"})).await,
            field_error("current-password", "required")
        );
        assert_eq!(
            update(json!({name: "J", "current-password": null})).await,
            field_error("current-password", "invalid")
        );
        assert_eq!(
            update(json!({name: "J", "current-password": 12_345_678})).await,
            field_error("current-password", "invalid")
        );
        let underscore = json!({name: "J", "current_password": PASSWORD});
        let errors = app.update(&user.token, &underscore).await.field_errors();
        assert_eq!(
            errors,
            [
                field_error("current-password", "required"),
                field_error("current_password", "unknown_field")
            ]
        );
        assert_eq!(app.tables().user(user.id).await, before);
        for wrong in [
            "",
            "wrong horse battery staple",
            "Correct horse battery staple",
            "correct horse battery staple ",
        ] {
            assert_eq!(
                update(json!({name: "J", "current-password": wrong})).await,
                field_error("current-password", "incorrect")
            );
        }
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }

    /// Size, then credentials, then JSON.
    #[tokio::test(flavor = "multi_thread")]
    async fn size_and_credentials_are_checked_first() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let before = app.tables().snapshot().await;
        let large = format!("{{\"first_name\":\"{}\"}}", "x".repeat(16 * 1024));
        for token in [None, Some("nonsense"), Some(user.token.as_str())] {
            let response = update_with(&app, token, &large).await;
            assert_eq!(response.problem(), problem(413, "payload_too_large"));
        }
        for token in [None, Some("nonsense")] {
            for body in [
                "",
                "{",
                "[]",
                "{}",
                r#"{"email":1}"#,
                r#"{"is_superuser":true}"#,
            ] {
                let response = update_with(&app, token, body).await;
                assert_eq!(response.problem(), problem(401, "not_authenticated"));
            }
        }
        assert_eq!(app.tables().snapshot().await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fields_and_permission_precede_the_password() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        let before = app.tables().snapshot().await;
        for fields in [
            json!({"email": "nonsense", "is_superuser": true}),
            json!({"email": "nonsense"}),
        ] {
            for password in [PASSWORD, WRONG_PASSWORD] {
                let body = with_password(password, fields.clone());
                let response = app.update(&user.token, &body).await;
                assert_eq!(response.field_errors(), [field_error("email", "invalid")]);
            }
        }
        for fields in [
            json!({"is_superuser": true}),
            json!({"is_superuser": true, "email": "jane@example.com"}),
            json!({"is_superuser": true, "first_name": "Mallory", "password": OTHER_PASSWORD}),
        ] {
            for password in [PASSWORD, WRONG_PASSWORD] {
                let body = with_password(password, fields.clone());
                let response = app.update(&user.token, &body).await;
                assert_eq!(response.problem(), problem(403, "forbidden"));
            }
        }
        let after = app.tables().snapshot().await;
        assert_eq!(after, before, "nothing was counted");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn throttling_and_password_precede_taken() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        // With a wrong password, the response does not reveal that the address is taken.
        let taken = with_password(WRONG_PASSWORD, json!({"email": "jane@example.com"}));
        for _ in 0..5 {
            let response = app.update(&user.token, &taken).await;
            let incorrect = field_error("current-password", "incorrect");
            assert_eq!(response.field_errors(), [incorrect]);
        }
        for (fields, expected) in [
            (json!({"email": "jane@example.com"}), 429),
            (json!({"is_superuser": true}), 403),
            (json!({"email": "nonsense"}), 400),
            (json!({}), 400),
        ] {
            for password in [PASSWORD, WRONG_PASSWORD] {
                let body = with_password(password, fields.clone());
                assert_eq!(app.update(&user.token, &body).await.status, expected);
            }
        }
    }
}

mod case_19_stolen_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_correct_password_resets_the_count() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let same = with_current_password(json!({"first_name": ""}));
        for _ in 0..3 {
            for _ in 0..4 {
                let wrong = json!({"current-password": "a wrong guess", "first_name": "J"});
                assert_eq!(app.update(&user.token, &wrong).await.status, 400);
            }
            assert_eq!(app.update(&user.token, &same).await.status, 200);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_are_throttled_after_five() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let guess = json!({"current-password": "a wrong guess", "first_name": "J"});
        for _ in 0..5 {
            assert_eq!(
                app.update(&user.token, &guess).await.field_error(),
                field_error("current-password", "incorrect")
            );
        }
        let response = app
            .update(
                &user.token,
                &with_current_password(json!({"first_name": "J"})),
            )
            .await;
        assert_eq!(response.problem(), problem(429, "too_many_requests"));
        // Log-ins are counted separately.
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        app.advance(Duration::from_secs(2));
        assert_eq!(
            app.update(
                &user.token,
                &with_current_password(json!({"first_name": "J"}))
            )
            .await
            .status,
            200
        );
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_grow_as_at_log_in() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..4 {
            assert_eq!(
                app.guess_current_password(&user).await.field_error(),
                field_error("current-password", "incorrect")
            );
        }
        for expected in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(
                app.guess_current_password(&user).await.status,
                400,
                "before {expected}"
            );
            for left in [expected, expected - 1] {
                let runs = app.hasher.count();
                let user_before = app.tables().user(user.id).await;
                assert_eq!(
                    app.guess_current_password(&user).await.throttled_seconds(),
                    left
                );
                assert_eq!(
                    app.change(&user.token, json!({"first_name": "J"}))
                        .await
                        .throttled_seconds(),
                    left
                );
                assert_eq!(app.hasher.count(), runs, "no password is verified");
                assert_eq!(app.tables().user(user.id).await, user_before);
                app.advance(SECOND);
            }
            app.advance(Duration::from_secs(expected - 2));
        }
        // The session stays valid.
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(
            app.change(&user.token, json!({"first_name": "J"}))
                .await
                .status,
            200
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn invalid_requests_are_not_counted() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..6 {
            for body in [
                json!({"current-password": WRONG_PASSWORD}),
                json!({"current-password": WRONG_PASSWORD, "email": "nonsense"}),
                json!({"current-password": WRONG_PASSWORD, "first_name": "J", "id": 1}),
                json!({"current-password": WRONG_PASSWORD, "is_superuser": true}),
                json!({"current-password": "x".repeat(513), "first_name": "J"}),
                json!({"current-password": "nul\u{0}", "first_name": "J"}),
                json!({"first_name": "J"}),
            ] {
                assert!([400, 403].contains(&app.update(&user.token, &body).await.status));
            }
        }
        assert_eq!(
            app.change(&user.token, json!({"first_name": "J"}))
                .await
                .status,
            200
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_kind_of_change_resets_the_count() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for fields in [
            json!({"first_name": "J"}),
            json!({"first_name": "J"}),
            json!({"email": "JOHN@example.com"}),
            json!({"email": "johnny@example.com"}),
            json!({"is_superuser": false}),
            json!({"password": PASSWORD}),
        ] {
            for _ in 0..4 {
                let status = app.guess_current_password(&user).await.status;
                assert_eq!(status, 400, "{fields}");
            }
            let response = app.change(&user.token, fields.clone()).await;
            assert_eq!(response.status, 200, "{fields}");
            assert_eq!(
                app.tables()
                    .user(user.id)
                    .await
                    .get("current_password_failures"),
                None,
                "{fields}"
            );
        }
        assert_eq!(app.unread_mails().len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_strangers_guesses_at_log_in_do_not_stop_the_owner() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.fail_log_ins("john", 5).await;
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        let change = json!({"password": OTHER_PASSWORD});
        assert_eq!(app.change(&user.token, change).await.status, 200);
        assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 429);
        app.mail();
        app.advance(Duration::from_secs(2));
        app.token("john", OTHER_PASSWORD).await;
    }

    /// A request with the correct password that fails for another reason changes nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_taken_address_is_reported_without_any_change() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        for _ in 0..4 {
            app.guess_current_password(&user).await;
        }
        let taken = app
            .change(
                &user.token,
                json!({"email": "jane@example.com", "first_name": "J"}),
            )
            .await;
        assert_eq!(taken.field_error(), field_error("email", "taken"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
        app.token("john", PASSWORD).await;
    }
}
