//! `POST /auth/login`: comparison of passwords.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp},
    paths::SIGN_UP,
    response::{field_error, problem},
};

mod case_31_unknown_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn existing_passwords_need_not_meet_the_policy() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let longest = "\u{1f511}".repeat(128);
        let change = json!({"current-password": PASSWORD, "password": longest});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        app.token("john", &longest).await;
        for wrong in [
            "",
            " ",
            "x",
            "password",
            "john",
            &"x".repeat(512),
            &"\u{e9}".repeat(256),
        ] {
            let response = app.log_in("john", wrong).await;
            assert_eq!(
                response.problem(),
                problem(401, "invalid_credentials"),
                "{wrong:?}"
            );
            app.token("john", &longest).await;
        }
        for (refused, code) in [
            ("x".repeat(513), "too_long"),
            ("\u{e9}".repeat(257), "too_long"),
            (format!("{longest}x"), "too_long"),
            ("nul\u{0}".to_owned(), "invalid"),
        ] {
            let response = app.log_in("john", &refused).await;
            assert_eq!(response.field_error(), field_error("password", code));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passwords_are_compared_exactly() {
        let app = TestApp::without_source_limits().await;
        let body = |password: &str| json!({"username": "john", "email": "john@example.com", "password": password});
        let password = " Caf\u{e9}\tau Lait \u{200b}";
        assert_eq!(app.post(SIGN_UP, &body(password)).await.status, 201);
        for wrong in [
            password.trim(),
            &password.to_lowercase(),
            &password.to_uppercase(),
            &password.replace('\u{200b}', ""),
            &password.replace('\t', " "),
            &password.replace('\u{e9}', "e"),
            &format!("{password} "),
            &password[..password.len() - 3],
        ] {
            assert_eq!(app.log_in("john", wrong).await.status, 401, "{wrong:?}");
            app.token("john", password).await;
        }
        app.token("john", &password.replace('\u{e9}', "e\u{301}"))
            .await;
    }
}
