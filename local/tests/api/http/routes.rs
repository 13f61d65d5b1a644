//! Routes and methods.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, TestUser},
    endpoints::READERS,
    paths::{LOG_IN, UPDATE_DETAILS},
    raw_http::{self, exchange_one},
};

/// Checks that API Gateway has no route for this method and path.
async fn check_not_found(app: &TestApp, user: &TestUser, method: &str, path: &str) {
    let authorization = format!("authorization: Token {}", user.token);
    let lines = [b"host: localhost".as_slice(), authorization.as_bytes()];
    let response = raw_http::send(app, &format!("{method} {path}"), &lines, b"{}").await;
    assert_eq!(
        (response.status, response.body),
        (404, json!({"message": "Not Found"})),
        "{method} {path}"
    );
    let json = "\r\ncontent-type: application/json\r\n";
    assert!(response.head.contains(json), "{method} {path}");
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_routes_are_not_found() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let own = format!("/api/users/{}", user.id);
        let slashed = format!("{own}/");
        let requests = [
            ("GET", "/"),
            ("POST", "/nowhere"),
            ("GET", "/api/users"),
            ("GET", "/api/users/"),
            ("GET", "/prod/auth/login"),
            ("GET", "/.well-known/jwks.json/"),
            ("GET", "/.well-known/"),
            ("POST", "/.well-known/jwks.json"),
            ("GET", slashed.as_str()),
            ("POST", own.as_str()),
            ("PUT", own.as_str()),
            ("DELETE", own.as_str()),
            ("PATCH", own.as_str()),
            ("OPTIONS", own.as_str()),
            ("PURGE", own.as_str()),
            ("GET", "/API/users/1"),
            ("GET", "/api//users/1"),
            ("GET", "//api/users/1"),
            ("GET", "/api/users/../users/1"),
            ("GET", "/api/%75sers/1"),
            ("GET", "/api/users/1/sessions"),
        ];
        for (method, path) in requests {
            check_not_found(&app, &user, method, path).await;
        }
        let head = app.send(app.request(Method::HEAD, &own)).await;
        assert_eq!((head.status, head.text.as_str()), (404, ""));
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_methods_and_spellings_are_not_found() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let others: Vec<_> = READERS
            .iter()
            .map(|(_, path, _)| (format!("{path}/"), path.to_uppercase(), *path))
            .collect();
        let mut requests = Vec::new();
        for (slashed, upper, path) in &others {
            requests.extend([
                ("POST", slashed.as_str()),
                ("PATCH", slashed.as_str()),
                ("POST", upper.as_str()),
            ]);
            requests.extend([("PUT", *path), ("DELETE", *path), ("OPTIONS", *path)]);
        }
        requests.extend([
            ("GET", LOG_IN),
            ("POST", UPDATE_DETAILS),
            ("PUT", "/auth/logout"),
        ]);
        for (method, path) in requests {
            check_not_found(&app, &user, method, path).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_methods_have_no_route() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let preflight = "OPTIONS /auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://evil.example\r\n\
            access-control-request-method: POST\r\n\r\n";
        assert_eq!(
            exchange_one(&app, preflight.as_bytes()).await,
            (204, Value::Null)
        );
        for line in [
            "OPTIONS /auth/login",
            "OPTIONS *",
            "TRACE /auth/login",
            "CONNECT localhost:443",
            "get /.well-known/jwks.json",
            "PRI /x",
            "DELETE /_local/",
            "PUT /auth/logout",
        ] {
            let request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let (status, body) = exchange_one(&app, request.as_bytes()).await;
            // The console is available on this machine only.
            let expected = if line.contains("_local") { 403 } else { 404 };
            assert_eq!(status, expected, "{line}");
            assert!(body["message"].is_string(), "{line}");
        }
        assert_eq!(app.details(&user).await.status, 200);
    }
}
