//! What stands between API Gateway and every handler, families 33 to 35: bodies, events, routes and panics.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};

use lambda_runtime::Context;
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json, value::to_raw_value};
use shared::{
    app::{App, Providers},
    http::Response,
    lambda::{Invoke, endpoint},
};

use tokio::time::timeout;

use crate::{
    app::{Answer, PASSWORD, SessionResponse, TestApp, event, fault, problem},
    raw::{self, IN_TIME},
    tables::Tables,
};

/// Method, path and function of every endpoint that reads a body.
const READERS: [(&str, &str, &str); 6] = [
    ("POST", "/auth/signup", "sign_up"),
    ("POST", "/auth/login", "log_in"),
    ("PATCH", "/api/users/update_details", "update_details"),
    ("POST", "/api/passwords/reset_password", "reset_password"),
    (
        "POST",
        "/api/passwords/reset_password_complete",
        "reset_password_complete",
    ),
    (
        "PATCH",
        "/api/passwords/reset_password_complete",
        "reset_password_complete",
    ),
];

/// Every function that answers HTTP.
const FUNCTIONS: [&str; 8] = [
    "sign_up",
    "log_in",
    "log_out",
    "get_user",
    "update_details",
    "reset_password",
    "reset_password_complete",
    "jwks",
];

const KIBIBYTE: usize = 1024;

/// Bodies that are not one JSON object.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str, levels: usize| {
        format!(
            "{{\"email\":{}1{}}}",
            open.repeat(levels),
            close.repeat(levels)
        )
        .into_bytes()
    };
    let utf_16 = |order: fn(u16) -> [u8; 2]| "\u{feff}{}".encode_utf16().flat_map(order).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("nothing", text("")),
        ("a space", text(" ")),
        ("an array", text("[]")),
        ("an array of an object", text("[{}]")),
        ("a string", text(r#""x""#)),
        ("null", text("null")),
        ("true", text("true")),
        ("a number", text("1")),
        ("a form", text("email=john%40example.com&password=x")),
        ("XML", text("<email>john@example.com</email>")),
        ("half an object", text("{")),
        ("half a string", text(r#"{"email":"john"#)),
        (
            "a comma at the end",
            text(r#"{"email":"john@example.com",}"#),
        ),
        ("a comment", text("{}/**/")),
        ("single quotes", text("{'email':'john@example.com'}")),
        ("a bare name", text("{email:1}")),
        ("text after it", text("{}x")),
        ("a second object", text("{}{}")),
        ("NUL after it", text("{}\0")),
        ("NUL before it", text("\0{}")),
        ("a raw control character", text("{\"email\":\"a\nb\"}")),
        ("an infinite number", text(r#"{"email":1e400}"#)),
        ("NaN", text(r#"{"email":NaN}"#)),
        ("a number with a leading zero", text(r#"{"email":01}"#)),
        ("a byte order mark", text("\u{feff}{}")),
        ("UTF-16, little end first", utf_16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf_16(u16::to_be_bytes)),
        ("overlong UTF-8 in a name", b"{\"\xc0\xaf\":1}".to_vec()),
        (
            "overlong UTF-8 in a value",
            b"{\"email\":\"\xe0\x80\xaf\"}".to_vec(),
        ),
        ("an overlong brace", b"\xc1\xbb}".to_vec()),
        (
            "a surrogate in UTF-8",
            b"{\"email\":\"\xed\xa0\x80\"}".to_vec(),
        ),
        ("half a character", b"{\"email\":\"\xf0\x9f\x98\"}".to_vec()),
        ("a byte that is none", b"{\"email\":\"\xff\"}".to_vec()),
        ("a lone high surrogate", text(r#"{"email":"\ud800"}"#)),
        ("a lone low surrogate", text(r#"{"email":"\udc00"}"#)),
        (
            "surrogates the wrong way round",
            text(r#"{"\udc00\ud800":1}"#),
        ),
        ("an escape that is none", text(r#"{"email":"\x41"}"#)),
        ("10,000 arrays, open", text(&"[".repeat(10_000))),
        (
            "10,000 arrays in a field, open",
            text(&format!("{{\"email\":{}", "[".repeat(10_000))),
        ),
        ("5,000 arrays", nested("[", "]", 5_000)),
        ("2,000 objects", nested("{\"a\":", "}", 2_000)),
        ("129 arrays", nested("[", "]", 129)),
        (
            "a field twice",
            text(r#"{"email":"john@example.com","email":"john@example.com"}"#),
        ),
        (
            "a field twice, in two spellings",
            text(r#"{"email":"a","\u0065mail":"a"}"#),
        ),
    ]
}

async fn send(
    app: &TestApp,
    user: &SessionResponse,
    (method, path): (&str, &str),
    kind: Option<&str>,
    body: Vec<u8>,
) -> Answer {
    let mut request = app
        .request(method.parse().unwrap(), path)
        .header("authorization", format!("Token {}", user.token))
        .body(body);
    if let Some(kind) = kind {
        request = request.header(
            "content-type",
            HeaderValue::from_bytes(kind.as_bytes()).unwrap(),
        );
    }
    timeout(IN_TIME, app.send(request)).await.unwrap()
}

/// A body of `length` bytes that is an object without a field.
fn blank(length: usize) -> Vec<u8> {
    format!("{{{}}}", " ".repeat(length - 2)).into_bytes()
}

mod case_33_bodies {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_that_is_not_one_json_object_is_refused_everywhere() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let before = Tables::of(&app).user(user.id).await;
        for (method, path, _) in READERS {
            for (what, body) in bad_bodies() {
                // One of the two comes as text in the event, the other as base64.
                for kind in ["application/json", "application/octet-stream"] {
                    let answer = send(&app, &user, (method, path), Some(kind), body.clone()).await;
                    assert_eq!(answer.faults(), [fault("", "invalid")], "{what} to {path}");
                }
            }
        }
        assert_eq!(Tables::of(&app).user(user.id).await, before);
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_of_sixteen_kibibytes_is_read_and_a_larger_one_is_not() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (method, path, _) in READERS {
            for kind in [
                Some("application/json"),
                Some("application/octet-stream"),
                None,
            ] {
                let answer = send(&app, &user, (method, path), kind, blank(16 * KIBIBYTE)).await;
                assert!(
                    answer.faults().iter().any(|(_, code)| code == "required"),
                    "{path}: {answer:?}"
                );
                let answer =
                    send(&app, &user, (method, path), kind, blank(16 * KIBIBYTE + 1)).await;
                assert_eq!(
                    answer.problem(),
                    problem(413, "payload_too_large"),
                    "{path}"
                );
            }
            let nested = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
            let answer = send(&app, &user, (method, path), None, nested.into_bytes()).await;
            assert_eq!(
                answer.problem(),
                problem(413, "payload_too_large"),
                "{path}"
            );
            let quarter_megabyte = vec![b'\xff'; KIBIBYTE * KIBIBYTE / 4];
            let answer = send(&app, &user, (method, path), None, quarter_megabyte).await;
            assert_eq!(
                answer.problem(),
                problem(413, "payload_too_large"),
                "{path}"
            );
        }
        // As large as an event can get; taking it apart in a build for tests takes a second, so once is enough.
        let largest = vec![b'['; 6 * KIBIBYTE * KIBIBYTE];
        let answer = send(&app, &user, ("POST", "/auth/signup"), None, largest).await;
        assert_eq!(answer.problem(), problem(413, "payload_too_large"));
        // The size is looked at before the token.
        let unknown = SessionResponse {
            token: "x".to_owned(),
            ..user
        };
        for (method, path) in [
            ("PATCH", "/api/users/update_details"),
            ("POST", "/auth/logout"),
        ] {
            let answer = send(
                &app,
                &unknown,
                (method, path),
                None,
                blank(16 * KIBIBYTE + 1),
            )
            .await;
            assert_eq!(
                answer.problem(),
                problem(413, "payload_too_large"),
                "{path}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_is_json_whatever_its_type_says() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let kinds = [
            None,
            Some(""),
            Some("text/plain"),
            Some("text/html"),
            Some("APPLICATION/JSON"),
            Some("application/json; charset=utf-8"),
            Some("application/json;charset=UTF-16"),
            Some("application/json; charset=\"latin1\"; x"),
            Some("application/vnd.api+json"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/octet-stream"),
            Some("application/xml"),
            Some("image/png"),
            Some("nonsense"),
            Some(";;;"),
            Some("\u{fc}/\u{fc}"),
        ];
        for kind in kinds {
            for (method, path, _) in READERS {
                let body = br#" { "no-such-field" : "\u00fc \u00fc" } "#.to_vec();
                let answer = send(&app, &user, (method, path), kind, body).await;
                assert!(
                    answer
                        .faults()
                        .contains(&fault("no-such-field", "unknown_field")),
                    "{kind:?} to {path}: {answer:?}"
                );
            }
            let body =
                json!({"current-password": PASSWORD, "first_name": format!("{kind:?} \u{fc}")});
            let endpoint = ("PATCH", "/api/users/update_details");
            let answer = send(&app, &user, endpoint, kind, body.to_string().into_bytes()).await;
            assert_eq!(
                (answer.status, &answer.json()["first_name"]),
                (200, &body["first_name"]),
                "{kind:?}"
            );
            let body = json!({"username": "john", "password": PASSWORD});
            let answer = send(
                &app,
                &user,
                ("POST", "/auth/login"),
                kind,
                body.to_string().into_bytes(),
            )
            .await;
            assert_eq!(answer.status, 200, "{kind:?}: {answer:?}");
            // Ten sessions at most: the first must not be the one that has to go.
            let token = answer.json()["token"].as_str().unwrap().to_owned();
            assert_eq!(app.log_out(&token).await.status, 204);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signing_out_needs_no_body_and_ignores_one() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (_, body) in bad_bodies().into_iter().take(8) {
            let token = app.token("john", PASSWORD).await;
            let session = SessionResponse {
                token,
                ..user.clone()
            };
            let answer = send(&app, &session, ("POST", "/auth/logout"), None, body).await;
            assert_eq!(
                (
                    answer.status,
                    answer.text.as_str(),
                    answer.header("content-type")
                ),
                (204, "", None)
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(app.details(&session).await.status, 401);
        }
    }
}

/// Gives a function's own event the token of `user`, and its id where one belongs.
fn authorise(event: &mut Value, user: &SessionResponse) {
    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
    if !event["pathParameters"].is_null() {
        event["pathParameters"] = json!({"id": user.id.to_string()});
    }
}

/// Gives an event a body as text.
fn set_body(event: &mut Value, body: &str) {
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_in_base64_is_the_same_body() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let encoded = |event: &mut Value, body: &Value| {
            event["body"] = body.clone();
            event["isBase64Encoded"] = json!(true);
            authorise(event, &user);
        };
        let good = json!({"username": "john", "password": PASSWORD}).to_string();
        let (status, body) = app
            .invoke("log_in", |event| {
                encoded(event, &json!(STANDARD.encode(&good)));
            })
            .await;
        assert_eq!((status, &body["user"]["id"]), (200, &json!(user.id)));
        for (_, _, function) in READERS {
            let largest = json!(STANDARD.encode(blank(16 * KIBIBYTE)));
            let (status, body) = app.invoke(function, |event| encoded(event, &largest)).await;
            assert_eq!(
                (status, &body["code"]),
                (400, &json!("invalid_request")),
                "{function}"
            );
            assert_ne!(body["errors"][0]["field"], "", "{function}: {body}");
            for length in [16 * KIBIBYTE + 1, 6 * KIBIBYTE * KIBIBYTE] {
                let larger = json!(STANDARD.encode(blank(length)));
                let (status, body) = app.invoke(function, |event| encoded(event, &larger)).await;
                assert_eq!(
                    (status, &body["code"]),
                    (413, &json!("payload_too_large")),
                    "{function}"
                );
            }
            // "ÿþ" makes letters that the two alphabets write differently.
            for bad in [
                json!("%"),
                json!("e30"),
                json!("e30=="),
                json!("e3 0="),
                json!("e30=\n"),
                json!("e31="),
                json!("{}"),
                json!("="),
                json!("\u{fc}"),
                json!(STANDARD_NO_PAD.encode("{\"a\":1}x")),
                json!(URL_SAFE.encode([0xfb, 0xff, 0xfe])),
                json!(STANDARD.encode([0xfb, 0xff, 0xfe])),
                json!(STANDARD.encode(STANDARD.encode("{}"))),
                json!(""),
                json!(null),
            ] {
                let (status, body) = app.invoke(function, |event| encoded(event, &bad)).await;
                let told = (
                    status,
                    &body["errors"][0]["field"],
                    &body["errors"][0]["code"],
                );
                assert_eq!(
                    told,
                    (400, &json!(""), &json!("invalid")),
                    "{bad} to {function}: {body}"
                );
            }
        }
        for function in ["get_user", "jwks"] {
            let (status, _) = app
                .invoke(function, |event| encoded(event, &json!(null)))
                .await;
            assert_eq!(status, 200, "{function}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_without_headers_is_a_request_without_headers() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let strip: [fn(&mut Value); 3] = [
            |event| drop(event.as_object_mut().unwrap().remove("headers")),
            |event| event["headers"] = json!({}),
            |event| event["headers"] = json!(null),
        ];
        for strip in strip {
            for function in ["get_user", "update_details", "log_out"] {
                let (status, body) = app.invoke(function, strip).await;
                assert_eq!(
                    (status, &body["code"]),
                    (401, &json!("not_authenticated")),
                    "{function}"
                );
            }
            let (status, body) = app
                .invoke("log_in", |event| {
                    strip(event);
                    set_body(
                        event,
                        &json!({"username": "john", "password": PASSWORD}).to_string(),
                    );
                })
                .await;
            assert_eq!((status, &body["user"]["id"]), (200, &json!(user.id)));
            let (status, body) = app.invoke("jwks", strip).await;
            assert_eq!(
                (status, body["keys"].as_array().map(Vec::len)),
                (200, Some(1))
            );
            let (status, body) = app
                .invoke("reset_password", |event| {
                    strip(event);
                    set_body(event, r#"{"email":"nobody@example.com"}"#);
                })
                .await;
            assert_eq!((status, &body["code"]), (404, &json!("not_found")));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stage_in_the_path_changes_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let change = json!({"current-password": PASSWORD, "first_name": "John"}).to_string();
        for stage in ["prod", "$default", "a b", "\u{fc}", ""] {
            // A token of its own for each: the log-ins below end the oldest sessions.
            let user = SessionResponse {
                token: app.token("john", PASSWORD).await,
                ..user.clone()
            };
            for function in FUNCTIONS
                .into_iter()
                .filter(|function| *function != "log_out")
            {
                let prepare = |event: &mut Value| {
                    authorise(event, &user);
                    if function == "update_details" {
                        set_body(event, &change);
                    }
                };
                let plain = app.invoke(function, prepare).await;
                let staged = app
                    .invoke(function, |event| {
                        prepare(event);
                        let path = format!("/{stage}{}", event["rawPath"].as_str().unwrap());
                        event["rawPath"] = json!(path);
                        event["requestContext"]["http"]["path"] = json!(path);
                        event["requestContext"]["stage"] = json!(stage);
                    })
                    .await;
                // Signing up a second time is refused, and a log-in gives another token.
                match function {
                    "sign_up" => assert_eq!(
                        (staged.0, &staged.1["code"]),
                        (400, &json!("invalid_request"))
                    ),
                    "log_in" => assert_eq!((staged.0, plain.0), (200, 200)),
                    "get_user" | "update_details" | "jwks" => {
                        assert_eq!((&staged, staged.0), (&plain, 200), "{function} at {stage}");
                    }
                    _ => assert_eq!(staged, plain, "{function} at {stage}"),
                }
            }
        }
        app.server.drain().await;
        app.unread();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn odd_hosts_and_paths_in_an_event_change_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let body = json!({"username": "john", "password": PASSWORD}).to_string();
        for (place, value) in oddities() {
            let change = |event: &mut Value| {
                authorise(event, &user);
                let (parent, name) = place.rsplit_once('/').unwrap();
                event.pointer_mut(parent).unwrap()[name] = value.clone();
            };
            let (status, read) = app.invoke("get_user", change).await;
            assert_eq!(
                (status, &read["id"]),
                (200, &json!(user.id)),
                "{place} {value}: {read}"
            );
            let (status, keys) = app.invoke("jwks", change).await;
            assert_eq!(
                (status, keys["keys"].is_array()),
                (200, true),
                "{place} {value}"
            );
            let (status, wrong) = app
                .invoke("update_details", |event| {
                    change(event);
                    set_body(event, "{}");
                })
                .await;
            assert_eq!(
                (status, &wrong["code"]),
                (400, &json!("invalid_request")),
                "{place} {value}: {wrong}"
            );
            let (status, signed_in) = app
                .invoke("log_in", |event| {
                    change(event);
                    set_body(event, &body);
                })
                .await;
            assert_eq!(status, 200, "{place} {value}: {signed_in}");
            // Ten sessions at most: the first must not be the one that has to go.
            let token = signed_in["token"].as_str().unwrap();
            assert_eq!(app.log_out(token).await.status, 204);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn odd_headers_over_http_change_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = format!("authorization: Token {}", user.token);
        let path = format!("/api/users/{}", user.id);
        for line in [
            "host: evil.example",
            "host: evil.example:99",
            "host: [::1]:3000",
            "host: 127.0.0.1",
        ] {
            let answer = raw::send(
                &app,
                &format!("GET {path}"),
                &[line.as_bytes(), token.as_bytes()],
                b"",
            )
            .await;
            assert_eq!(
                (answer.status, &answer.body["id"]),
                (200, &json!(user.id)),
                "{line}: {answer:?}"
            );
        }
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
            let lines = [
                b"host: localhost".as_slice(),
                line.as_bytes(),
                token.as_bytes(),
            ];
            let answer = raw::send(&app, &format!("GET {path}"), &lines, b"").await;
            assert_eq!(
                (answer.status, &answer.body["id"]),
                (200, &json!(user.id)),
                "{line}: {answer:?}"
            );
        }
        for line in [
            "host:",
            "host: a b",
            "host: user@host",
            "host: host:99999",
            "host: [::1",
            "host: %zz",
            "host: \u{fc}",
        ] {
            let answer = raw::send(
                &app,
                &format!("GET {path}"),
                &[line.as_bytes(), token.as_bytes()],
                b"",
            )
            .await;
            assert_eq!(
                (answer.status, answer.body),
                (400, json!({"message": "Bad Request"})),
                "{line}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_no_route_names_is_the_gateways_not_found() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let own = format!("/api/users/{}", user.id);
        let slashed = format!("{own}/");
        let mut requests = vec![
            ("GET", "/"),
            ("GET", "/nowhere"),
            ("GET", "/api"),
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
        let others: Vec<_> = READERS
            .iter()
            .map(|(_, path, _)| (format!("{path}/"), path.to_uppercase(), *path))
            .collect();
        for (slashed, upper, path) in &others {
            requests.extend([
                ("POST", slashed.as_str()),
                ("PATCH", slashed.as_str()),
                ("POST", upper.as_str()),
            ]);
            requests.extend([("PUT", *path), ("DELETE", *path), ("OPTIONS", *path)]);
        }
        requests.extend([
            ("GET", "/auth/login"),
            ("POST", "/api/users/update_details"),
            ("PUT", "/auth/logout"),
        ]);
        let authorization = format!("authorization: Token {}", user.token);
        for (method, path) in requests {
            let lines = [b"host: localhost".as_slice(), authorization.as_bytes()];
            let answer = raw::send(&app, &format!("{method} {path}"), &lines, b"{}").await;
            assert_eq!(
                (answer.status, answer.body),
                (404, json!({"message": "Not Found"})),
                "{method} {path}"
            );
            assert!(
                answer
                    .head
                    .contains("\r\ncontent-type: application/json\r\n"),
                "{method} {path}"
            );
        }
        let head = app.send(app.request(Method::HEAD, &own)).await;
        assert_eq!((head.status, head.text.as_str()), (404, ""));
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_of_something_else_is_a_defect_and_not_a_crash() {
        let app = TestApp::start().await;
        for function in FUNCTIONS {
            for event in [
                json!({}),
                json!([]),
                json!(null),
                json!("x"),
                json!(1),
                json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
                json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
                json!({"httpMethod": "POST", "path": "/auth/login", "headers": {}, "body": "{}", "requestContext": {"stage": "prod"}}),
                json!({"version": "2.0", "headers": {}}),
                json!({"version": "2.0", "headers": 1, "requestContext": 1, "isBase64Encoded": "no"}),
            ] {
                let answer = app
                    .server
                    .invoke(function, to_raw_value(&event).unwrap())
                    .await
                    .unwrap();
                let answer: Value = serde_json::from_str(answer.get()).unwrap();
                assert_eq!(answer["statusCode"], 500, "{event} to {function}: {answer}");
                assert_eq!(
                    answer["headers"]["content-type"],
                    "application/problem+json"
                );
                assert_eq!(answer["isBase64Encoded"], false);
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
                let constant = json!({
                    "type": "about:blank", "title": "Internal Server Error", "status": 500,
                    "detail": "An internal error occurred.", "code": "internal",
                });
                assert_eq!(body, constant, "{event} to {function}");
            }
        }
        app.sign_up("john").await;
    }
}

/// Changes to an event that no answer may depend on.
fn oddities() -> Vec<(&'static str, Value)> {
    let mut oddities = vec![
        ("/rawPath", json!("")),
        ("/rawPath", json!("no-slash")),
        ("/rawPath", json!("//evil.example/x")),
        ("/rawPath", json!("http://evil.example/")),
        ("/rawPath", json!("/%zz/\u{fc} \u{1}")),
        ("/rawPath", json!("/a b?c#d")),
        ("/rawPath", json!(null)),
        ("/rawQueryString", json!("%zz&&==&\u{fc}#?")),
        ("/rawQueryString", json!("a b")),
        ("/rawQueryString", json!(null)),
        ("/cookies", json!(["a=b", "\n", "\u{fc}"])),
        ("/requestContext/domainName", json!("a b")),
        ("/requestContext/domainName", json!(null)),
        ("/requestContext/http/sourceIp", json!("nowhere")),
        ("/requestContext/http/sourceIp", json!("2001:db8::1")),
        ("/requestContext/http/userAgent", json!("\u{202e}\n\0")),
        ("/headers/accept", json!("\u{fc}")),
        ("/headers/content-length", json!("-1")),
        ("/headers/transfer-encoding", json!("chunked")),
    ];
    for host in [
        "",
        "a b",
        "evil.example",
        "http://evil.example/",
        "user@host",
        "[::1",
        "host:99999",
        "\u{fc}",
        "%zz",
    ] {
        oddities.push(("/headers/host", json!(host)));
        oddities.push(("/headers/x-forwarded-host", json!(host)));
    }
    for scheme in ["", "javascript", "ht tp", "https,http", ":", "\u{fc}"] {
        oddities.push(("/headers/x-forwarded-proto", json!(scheme)));
        oddities.push(("/headers/x-forwarded-for", json!(scheme)));
        oddities.push(("/headers/x-forwarded-port", json!(scheme)));
    }
    oddities
}

static PANICKED: AtomicBool = AtomicBool::new(false);

async fn call(invoke: &Invoke) -> Value {
    let answer = invoke(to_raw_value(&event("jwks")).unwrap(), Context::default()).await;
    serde_json::from_str(answer.get()).unwrap()
}

mod case_35_panics {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_handler_that_panics_costs_one_request() {
        let app = TestApp::start().await;
        let function = app
            .server
            .template()
            .functions
            .iter()
            .find(|function| function.binary == "jwks")
            .unwrap();
        let lookup = |name: &str| match name {
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            name => function.environment.get(name).cloned(),
        };
        let started = App::start(&lookup, Providers::system()).unwrap();
        let invoke = endpoint(Box::leak(Box::new(started)), |_, _| async {
            assert!(
                PANICKED.swap(true, Ordering::SeqCst),
                "a secret: {PASSWORD}"
            );
            Ok(Response::new("{}".to_owned()))
        });
        let answer = call(&invoke).await;
        assert_eq!(answer["statusCode"], 500);
        assert_eq!(
            answer["headers"]["content-type"],
            "application/problem+json"
        );
        let body = answer["body"].as_str().unwrap();
        assert!(!body.contains(PASSWORD), "{body}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["status"], &body["code"]),
            (&json!(500), &json!("internal"))
        );
        for _ in 0..2 {
            let answer = call(&invoke).await;
            assert_eq!(
                (&answer["statusCode"], &answer["body"]),
                (&json!(200), &json!("{}"))
            );
        }
    }
}
