//! `POST /api/passwords/reset_password`: nothing in the request redirects the mail or its link.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, TestApp},
    password_reset::{LINK, assert_completed, assert_queued, link_base},
    paths::RESET_PASSWORD,
    response::field_error,
    times::{COOL_DOWN, DAY},
};

mod case_20_mail_recipient {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn anything_but_one_address_is_rejected() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        app.sign_up("eve").await;
        let john = "john@example.com";
        for email in [
            json!([john]),
            json!([john, "eve@example.com"]),
            json!({"$ne": ""}),
            json!({john: true}),
            json!(null),
            json!(true),
            json!(1),
            json!(""),
            json!("john"),
            json!("john@example.com,eve@example.com"),
            json!("john@example.com, eve@example.com"),
            json!("john@example.com;eve@example.com"),
            json!("john@example.com eve@example.com"),
            json!("john@example.com\teve@example.com"),
            json!("john@example.com\r\nBcc: eve@example.com"),
            json!("john@example.com\neve@example.com"),
            json!("john@example.com\0eve@example.com"),
            json!("john@example.com\u{0}"),
            json!("john@example.com%0d%0aBcc:eve@example.com"),
            json!("eve@example.com@john@example.com"),
            json!("John <john@example.com>"),
            json!("\"john@example.com\""),
        ] {
            let response = app.post(RESET_PASSWORD, &json!({"email": email})).await;
            assert_eq!(
                response.field_error(),
                field_error("email", "invalid"),
                "{email}"
            );
            assert!(!response.text.contains("eve@"), "{}", response.text);
        }
        assert_eq!(
            app.post(RESET_PASSWORD, &json!({})).await.field_error(),
            field_error("email", "required")
        );
        for raw in [
            "email=john@example.com",
            "email=john%40example.com&email=eve%40example.com",
            "",
            "null",
            "[]",
            r#""john@example.com""#,
            r#"{"email":"john@example.com","email":"eve@example.com"}"#,
            r#"{"email":"john@example.com"}{"email":"eve@example.com"}"#,
        ] {
            let request = app.request(Method::POST, RESET_PASSWORD).body(raw);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            assert_eq!(
                app.send(request).await.field_error(),
                field_error("", "invalid"),
                "{raw}"
            );
        }
        assert!(app.unread_mails().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn recipient_and_redirect_fields_are_rejected() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for field in [
            "to",
            "cc",
            "bcc",
            "redirect",
            "redirect_url",
            "base_url",
            "host",
            "subject",
            "username",
        ] {
            let body = json!({"email": "john@example.com", field: "eve@example.com"});
            let response = app.post(RESET_PASSWORD, &body).await;
            assert_eq!(response.field_error(), field_error(field, "unknown_field"));
        }
        assert!(app.unread_mails().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_body_is_json_whatever_its_content_type() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for content_type in [
            None,
            Some("text/plain"),
            Some("APPLICATION/JSON; charset=latin1"),
        ] {
            let request = app.request(Method::POST, RESET_PASSWORD);
            let request = match content_type {
                Some(content_type) => request.header("content-type", content_type),
                None => request,
            };
            assert_queued(
                &app.send(request.body(r#"{"email":"john@example.com"}"#))
                    .await,
            );
        }
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn invalid_requests_do_not_count_per_source() {
        let app = TestApp::with_settings(&[("LIMIT_RESETS_PER_HOUR", "1")]).await;
        app.sign_up("john").await;
        let body = json!({"email": 1, "to": "eve@example.com", "cc": ["eve@example.com"]});
        for _ in 0..3 {
            assert_eq!(
                app.post(RESET_PASSWORD, &body).await.field_errors(),
                [
                    field_error("email", "invalid"),
                    field_error("cc", "unknown_field"),
                    field_error("to", "unknown_field")
                ]
            );
        }
        app.reset_token("john@example.com").await;
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_go_to_the_stored_spelling() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        assert_eq!(
            app.change(&user.token, json!({"email": "JoHn@EXAMPLE.com"}))
                .await
                .status,
            200
        );
        for spelling in [
            "john@example.com",
            "JOHN@EXAMPLE.COM",
            "\tjohn@Example.com\r\n",
        ] {
            assert_eq!(app.request_reset(spelling).await.status, 200);
            assert_eq!(app.mail().to, ["JoHn@example.com"]);
            app.advance(COOL_DOWN);
        }
    }
}

mod case_21_hostile_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn links_ignore_request_headers() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for headers in [
            &[("host", "evil.example")][..],
            &[
                ("host", "evil.example:80"),
                ("x-forwarded-host", "evil.example"),
            ],
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-port", "444"),
                ("x-forwarded-server", "evil.example"),
            ],
            &[
                ("x-forwarded-prefix", "/evil"),
                ("x-original-url", "/evil"),
                ("x-rewrite-url", "http://evil.example/"),
            ],
            &[("forwarded", "host=evil.example;proto=https;for=192.0.2.1")],
            &[("origin", "https://evil.example")],
            &[("referer", "https://evil.example/reset")],
            &[
                ("x-host", "evil.example"),
                ("x-http-host-override", "evil.example"),
                ("base-url", "https://evil.example"),
            ],
        ] {
            let request = app.request(Method::POST, RESET_PASSWORD);
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            assert_queued(
                &app.send(request.json(&json!({"email": "john@example.com"})))
                    .await,
            );
            let mail = app.mail();
            assert_eq!(link_base(&mail.text), LINK, "{headers:?}");
            assert!(mail.html.contains(LINK), "{headers:?}");
            let all = format!("{mail:?}");
            assert!(!all.contains("evil") && !all.contains("444"), "{all}");
            app.advance(DAY);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_link_base_may_have_a_query() {
        let base = "https://app.example/reset?lang=en";
        let app = TestApp::with_settings(&[("RESET_LINK_BASE", base)]).await;
        app.sign_up("john").await;
        assert_queued(&app.request_reset("john@example.com").await);
        let mail = app.mail();
        assert_eq!(
            link_base(&mail.text),
            "https://app.example/reset?lang=en&token="
        );
        let (_, token) = mail.text.split_once("&token=").unwrap();
        let token = token.lines().next().unwrap();
        let escaped = format!(r#"href="https://app.example/reset?lang=en&#38;token={token}""#);
        assert!(mail.html.contains(&escaped), "{}", mail.html);
        assert_completed(&app.complete(token, OTHER_PASSWORD).await);
        app.mail();
    }
}
