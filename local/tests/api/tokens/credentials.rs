//! The `Authorization` header.

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    raw_http,
    token_forge::{TokenParts, assert_rejected, assert_token_rejected, authenticated_requests},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_scheme_is_accepted() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let parts = TokenParts::of(&app, &user.token).await;
    // The control of the other tests: the change that they make is the only reason for the rejection.
    let minted = parts.with_claims(&parts.claims.to_string());
    assert_ne!(minted, user.token);
    for scheme in [
        "Token", "token", "TOKEN", "tOkEn", "Bearer", "bearer", "BEARER",
    ] {
        for (function, request) in authenticated_requests(&app, &user).into_iter().take(3) {
            let response = app
                .send(request.header("authorization", format!("{scheme} {minted}")))
                .await;
            assert_eq!(response.status, 200, "{scheme} to {function}: {response:?}");
        }
    }
    assert_eq!(app.log_out(&minted).await.status, 204);
    assert_token_rejected(&app, &user, "after signing out", &minted).await;
}

mod case_01_credentials {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn exactly_one_known_credential_is_required() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = user.token.as_str();
        assert_rejected(&app, &user, "no header", &[]).await;
        let long = "a".repeat(9 * 1024);
        let longer = format!("{token}{}", "A".repeat(8 * 1024));
        for value in [
            String::new(),
            "Token".to_owned(),
            "Token ".to_owned(),
            "Bearer".to_owned(),
            token.to_owned(),
            format!("Token{token}"),
            format!("Token\t{token}"),
            format!("Token:{token}"),
            format!("Token={token}"),
            format!("Token \"{token}\""),
            format!("Token token={token}"),
            format!("Basic {token}"),
            format!("JWT {token}"),
            format!("Tokens {token}"),
            format!("Token {token},Token {token}"),
            format!("Token {token}, Token {token}"),
            format!("Token {token},{token}"),
            format!("Token {token} {token}"),
            format!("Token {token};"),
            format!("Token Token {token}"),
            format!("Token {long}"),
            format!("Token {longer}"),
            format!("{long} {token}"),
            long.clone(),
        ] {
            let what: String = value.chars().take(60).collect();
            assert_rejected(&app, &user, &what, &[value.as_bytes()]).await;
        }
        let valid = format!("Token {token}");
        assert_rejected(
            &app,
            &user,
            "two equal headers",
            &[valid.as_bytes(), valid.as_bytes()],
        )
        .await;
        assert_rejected(
            &app,
            &user,
            "a valid and a bad header",
            &[valid.as_bytes(), b"Token x"],
        )
        .await;
        assert_rejected(
            &app,
            &user,
            "a valid and an empty header",
            &[valid.as_bytes(), b""],
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bytes_outside_ascii_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for bytes in [
            "\u{fc}".as_bytes(),
            b"\xff\xfe",
            b"\xc0\xaf",
            "\u{202e}".as_bytes(),
            b"\x80",
        ] {
            for value in [
                [b"Token ", bytes].concat(),
                [b"Token ", bytes, user.token.as_bytes()].concat(),
                [b"Token ", user.token.as_bytes(), bytes].concat(),
                [bytes, b"Token ", user.token.as_bytes()].concat(),
            ] {
                assert_rejected(&app, &user, &format!("{bytes:?}"), &[&value]).await;
                let line = [b"authorization: ".as_slice(), &value].concat();
                let path = format!("GET /api/users/{}", user.id);
                let response = raw_http::send(&app, &path, &[b"host: localhost", &line], b"").await;
                assert_eq!(response.status, 401, "{response:?}");
                assert_eq!(response.body["code"], "not_authenticated");
                assert!(
                    response.head.contains("\r\nwww-authenticate: token\r\n"),
                    "{response:?}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn control_characters_in_events_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for character in ["\0", "\n", "\r\n", "\u{1}", "\u{7f}", "\u{85}"] {
            for function in ["get_user", "update_details", "log_out"] {
                for value in [
                    format!("Token {}{character}", user.token),
                    format!("Token {character}{}", user.token),
                ] {
                    let change = |event: &mut Value| {
                        event["headers"]["authorization"] = json!(value);
                        event["pathParameters"] = json!({"id": user.id.to_string()});
                    };
                    let (status, body) = app.invoke(function, change).await;
                    assert_eq!(
                        (status, &body["code"]),
                        (401, &json!("not_authenticated")),
                        "{character:?}"
                    );
                }
            }
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_credentials_are_rejected() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let (token, others) = (user.token.as_str(), other.token.as_str());
        let credentials = [
            format!("Token {token}"),
            format!("Bearer {token}"),
            format!("Token {others}"),
            "Basic am9objpwYXNzd29yZA==".to_owned(),
            "Token".to_owned(),
            "x".to_owned(),
        ];
        for first in &credentials {
            for second in &credentials {
                let what = format!("{first:.12} and {second:.12}");
                let both = [first.as_bytes(), second.as_bytes()];
                assert_rejected(&app, &user, &what, &both).await;
                for joint in [",", ", ", ";"] {
                    let joined = format!("{first}{joint}{second}");
                    assert_rejected(&app, &user, &what, &[joined.as_bytes()]).await;
                }
            }
        }
        let valid = credentials[0].as_bytes();
        assert_rejected(&app, &user, "three", &[valid, valid, valid]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn control_bytes_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let path = format!("/api/users/{}", user.id);
        let token = user.token.as_bytes();
        for byte in (1..32)
            .filter(|byte| !b"\t\n\r".contains(byte))
            .chain([127])
        {
            for value in [
                [b"Token ".as_slice(), token, &[byte]].concat(),
                [b"Token ".as_slice(), &[byte], token].concat(),
                [b"Token", &[byte][..], token].concat(),
                [&[byte], b"Token ".as_slice(), token].concat(),
            ] {
                let line = [b"authorization: ".as_slice(), &value].concat();
                let response = raw_http::get(&app, &path, &[&line]).await;
                assert_eq!(
                    (response.status, &response.body["code"]),
                    (401, &json!("not_authenticated")),
                    "{byte}: {response:?}"
                );
            }
        }
        // Folded lines and malformed names are not headers.
        for line in [
            [b"authorization: Token\r\n ".as_slice(), token].concat(),
            [b"authorization: Token\n ".as_slice(), token].concat(),
            [b"authorization : Token ".as_slice(), token].concat(),
            [b"authorization Token ".as_slice(), token].concat(),
            [b"auth\x01orization: Token ".as_slice(), token].concat(),
            [b": Token ".as_slice(), token].concat(),
        ] {
            let response = raw_http::get(&app, &path, &[&line]).await;
            assert_eq!(response.status, 401, "{line:?}: {response:?}");
        }
        // NUL and CR make the request invalid.
        for byte in [b"\0", b"\r"] {
            let line = [b"authorization: Token ".as_slice(), byte, token].concat();
            let response = raw_http::get(&app, &path, &[&line]).await;
            assert_eq!(response.status, 400, "{response:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_other_headers_are_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let path = format!("/api/users/{}", user.id);
        let valid = format!("authorization:\t Token {}\t ", user.token);
        for line in [
            b"x: a\x01b".as_slice(),
            b"nonsense",
            b": x",
            b"x y: z",
            b"x: \xff",
        ] {
            let response = raw_http::get(&app, &path, &[line, valid.as_bytes()]).await;
            assert_eq!(response.status, 200, "{line:?}: {response:?}");
        }
        for name in ["x", "a b", "", "\u{fc}"] {
            for value in [
                json!("\u{1}"),
                json!("\n"),
                json!(null),
                json!(1),
                json!([]),
            ] {
                let change = |event: &mut Value| {
                    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                    event["headers"][name] = value.clone();
                    event["pathParameters"] = json!({"id": user.id.to_string()});
                };
                let (status, body) = app.invoke("get_user", change).await;
                assert_eq!(
                    (status, &body["id"]),
                    (200, &json!(user.id)),
                    "{name} {value}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn credentials_of_any_length_get_a_response() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for length in [1, 100, 2_047, 2_048, 2_049, 4_096, 9_000, 9_216, 10_000] {
            let line = format!("authorization: Token {}", "a".repeat(length));
            let response = raw_http::get(&app, "/api/users/1", &[line.as_bytes()]).await;
            assert_eq!(response.status, 401, "{length}: {response:?}");
            let dots = format!("authorization: Token {}", "e30.".repeat(length / 4));
            let response = raw_http::get(&app, "/api/users/1", &[dots.as_bytes()]).await;
            assert_eq!(response.status, 401, "{length}: {response:?}");
        }
        // Larger ones do not reach the gateway.
        for length in [10_240, 65_536] {
            let line = format!("authorization: Token {}", "a".repeat(length));
            let response = raw_http::get(&app, "/api/users/1", &[line.as_bytes()]).await;
            let message = json!({"message": "Request Header Fields Too Large"});
            assert_eq!((response.status, response.body), (431, message), "{length}");
        }
    }
}
