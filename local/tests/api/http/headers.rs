//! Request and response headers.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    access_tokens::access_token,
    app::{PASSWORD, TestApp, TestUser},
    paths::{LOG_IN, SIGN_UP},
    raw_http::{self, RawResponse, exchange_one, gateway_message, own_record_request},
};

/// The response to a request for the user's own record with these header lines.
async fn own_record(app: &TestApp, user: &TestUser, lines: &[&[u8]]) -> RawResponse {
    let token = format!("authorization: Token {}", user.token);
    let lines = [lines, &[token.as_bytes()]].concat();
    raw_http::send(app, &format!("GET /api/users/{}", user.id), &lines, b"").await
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let app = TestApp::start().await;
    let signed_up = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    let created = app.post(SIGN_UP, &signed_up).await;
    let token = created.token();
    // The keys are not cacheable before the first access token.
    access_token(&app, &token).await;
    let keys = app.request(Method::GET, "/.well-known/jwks.json");
    let keys = app.send(keys).await;
    let large = app.post(LOG_IN, &json!("x".repeat(17_000))).await;
    let responses = [
        (200, keys),
        (201, created),
        (404, app.get("/api/users/1", &token).await),
        (204, app.log_out(&token).await),
        (401, app.log_out(&token).await),
        (400, app.post(LOG_IN, &json!({})).await),
        (413, large),
    ];
    for (status, response) in responses {
        assert_eq!(response.status, status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "strict-transport-security",
                "max-age=31536000; includeSubDomains",
            ),
            (
                "content-security-policy",
                "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
            ),
        ] {
            assert_eq!(response.header(name), Some(value), "{status}: {name}");
        }
        let kind = match status {
            204 => None,
            200 | 201 => Some("application/json"),
            _ => Some("application/problem+json"),
        };
        assert_eq!(response.header("content-type"), kind, "{status}");
        let caching = if status == 200 {
            "public, max-age=300"
        } else {
            "no-store"
        };
        assert_eq!(response.header("cache-control"), Some(caching), "{status}");
    }
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn unrelated_headers_are_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for line in [
            "x-forwarded-proto: javascript",
            "x-forwarded-proto: ht tp",
            "x-forwarded-proto:",
            "x-forwarded-host: evil.example",
            "forwarded: for=x;host=evil.example;proto=gopher",
            "x-http-method-override: DELETE",
            "x-original-url: /api/users/1",
            "x-amzn-trace-id: \u{fc}",
            "user-agent: \u{fc}\u{202e}",
            "cookie: token=x; \u{fc}",
            "accept: text/html",
            "expect: 100-continue",
        ] {
            let response = own_record(&app, &user, &[b"host: localhost", line.as_bytes()]).await;
            assert_eq!(
                (response.status, &response.body["id"]),
                (200, &json!(user.id)),
                "{line}: {response:?}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn any_valid_host_is_accepted() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for line in [
            "host: evil.example",
            "host: evil.example:99",
            "host: [::1]:3000",
            "host: 127.0.0.1",
        ] {
            let response = own_record(&app, &user, &[line.as_bytes()]).await;
            assert_eq!(
                (response.status, &response.body["id"]),
                (200, &json!(user.id)),
                "{line}: {response:?}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_host_is_a_bad_request() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for line in [
            "host:",
            "host: a b",
            "host: user@host",
            "host: host:99999",
            "host: [::1",
            "host: %zz",
            "host: \u{fc}",
        ] {
            let response = own_record(&app, &user, &[line.as_bytes()]).await;
            assert_eq!(
                (response.status, response.body),
                (400, gateway_message("Bad Request")),
                "{line}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_oversized_head_is_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let many = |number: usize| {
            (0..number)
                .map(|n| format!("x{n}: y\r\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let close = "connection: close\r\n";
        let (status, _) = exchange_one(
            &app,
            &own_record_request(&user, &format!("{close}{}", many(300))),
        )
        .await;
        assert_eq!(status, 200);
        for length in [11_000, 70_000] {
            for request in [
                own_record_request(&user, &format!("{close}x: {}\r\n", "y".repeat(length))),
                own_record_request(&user, &format!("{close}{}: y\r\n", "x".repeat(length))),
                own_record_request(&user, &format!("{close}{}", many(length / 4))),
                format!(
                    "GET /{} HTTP/1.1\r\nhost: x\r\n{close}\r\n",
                    "a".repeat(length)
                )
                .into_bytes(),
                format!(
                    "GET /?{} HTTP/1.1\r\nhost: x\r\n{close}\r\n",
                    "a".repeat(length)
                )
                .into_bytes(),
            ] {
                let (status, body) = exchange_one(&app, &request).await;
                if length < 65_536 {
                    let message = gateway_message("Request Header Fields Too Large");
                    assert_eq!((status, body), (431, message));
                } else {
                    // A head of this size may not reach the gateway, nor a URL (URI Too Long).
                    assert!([414, 431].contains(&status), "{status}");
                }
            }
        }
    }
}
