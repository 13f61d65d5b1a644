//! API Gateway events.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::support::{
    app::{PASSWORD, TestApp, TestUser, authorize, set_body},
    endpoints::{FUNCTIONS, KIBIBYTE, READERS, WITHOUT_REQUIRED_FIELDS, blank_body},
    paths::LOG_IN,
};

/// Members of an event that are optional.
const OPTIONAL: [&str; 12] = [
    "/version",
    "/routeKey",
    "/rawPath",
    "/rawQueryString",
    "/cookies",
    "/queryStringParameters",
    "/stageVariables",
    "/requestContext/domainPrefix",
    "/requestContext/stage",
    "/requestContext/authorizer",
    "/requestContext/authentication",
    "/requestContext/http/sourceIp",
];

/// Changes to an event that must not change the response.
fn unusual_changes() -> Vec<(&'static str, Value)> {
    let mut unusual_changes = vec![
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
        unusual_changes.push(("/headers/host", json!(host)));
        unusual_changes.push(("/headers/x-forwarded-host", json!(host)));
    }
    for scheme in ["", "javascript", "ht tp", "https,http", ":", "\u{fc}"] {
        unusual_changes.push(("/headers/x-forwarded-proto", json!(scheme)));
        unusual_changes.push(("/headers/x-forwarded-for", json!(scheme)));
        unusual_changes.push(("/headers/x-forwarded-port", json!(scheme)));
    }
    unusual_changes
}

/// Sets the body of an event, as base64, and adds the user's token.
fn set_encoded_body(event: &mut Value, body: &Value, user: &TestUser) {
    event["body"] = body.clone();
    event["isBase64Encoded"] = json!(true);
    authorize(event, user);
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_base64_body_is_decoded() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let valid = json!({"username": "john", "password": PASSWORD}).to_string();
        let (status, body) = app
            .invoke("log_in", |event| {
                set_encoded_body(event, &json!(STANDARD.encode(&valid)), &user);
            })
            .await;
        assert_eq!((status, &body["user"]["id"]), (200, &json!(user.id)));
        for (_, path, function) in READERS {
            let largest = json!(STANDARD.encode(blank_body(16 * KIBIBYTE)));
            let (status, body) = app
                .invoke(function, |event| set_encoded_body(event, &largest, &user))
                .await;
            if WITHOUT_REQUIRED_FIELDS.contains(&path) {
                assert_eq!(status, 200, "{function}: {body}");
            } else {
                assert_eq!(
                    (status, &body["code"]),
                    (400, &json!("invalid_request")),
                    "{function}"
                );
                assert_ne!(body["errors"][0]["field"], "", "{function}: {body}");
            }
            for length in [16 * KIBIBYTE + 1, 6 * KIBIBYTE * KIBIBYTE] {
                let larger = json!(STANDARD.encode(blank_body(length)));
                let (status, body) = app
                    .invoke(function, |event| set_encoded_body(event, &larger, &user))
                    .await;
                assert_eq!(
                    (status, &body["code"]),
                    (413, &json!("payload_too_large")),
                    "{function}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_base64_is_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for (_, path, function) in READERS {
            // The two base64 alphabets encode "ÿþ" differently.
            for malformed in [
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
                let is_missing = malformed.is_null() || malformed == "";
                if is_missing && WITHOUT_REQUIRED_FIELDS.contains(&path) {
                    continue;
                }
                let (status, body) = app
                    .invoke(function, |event| set_encoded_body(event, &malformed, &user))
                    .await;
                let found = (
                    status,
                    &body["errors"][0]["field"],
                    &body["errors"][0]["code"],
                );
                assert_eq!(
                    found,
                    (400, &json!(""), &json!("invalid")),
                    "{malformed} to {function}: {body}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn endpoints_without_a_body_ignore_it() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for function in ["get_user", "jwks"] {
            let (status, _) = app
                .invoke(function, |event| {
                    set_encoded_body(event, &json!(null), &user);
                })
                .await;
            assert_eq!(status, 200, "{function}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_without_headers_are_valid() {
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
    async fn a_stage_in_the_path_is_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let change = json!({"current-password": PASSWORD, "first_name": "John"}).to_string();
        for stage in ["prod", "$default", "a b", "\u{fc}", ""] {
            // Each round has its own token, since the log-ins below end the oldest sessions.
            let user = TestUser {
                token: app.token("john", PASSWORD).await,
                ..user.clone()
            };
            for function in FUNCTIONS
                .into_iter()
                .filter(|function| *function != "log_out")
            {
                let prepare = |event: &mut Value| {
                    authorize(event, &user);
                    match function {
                        "update_details" => set_body(event, &change),
                        // The later events are this user's, too.
                        "delete_account" => set_body(event, "{}"),
                        _ => {}
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
                // A second sign-up is rejected, and a second log-in or access token is another one.
                match function {
                    "sign_up" => assert_eq!(
                        (staged.0, &staged.1["code"]),
                        (400, &json!("invalid_request"))
                    ),
                    "log_in" | "token" => assert_eq!((staged.0, plain.0), (200, 200)),
                    "get_user" | "update_details" | "jwks" => {
                        assert_eq!((&staged, staged.0), (&plain, 200), "{function} at {stage}");
                    }
                    _ => assert_eq!(staged, plain, "{function} at {stage}"),
                }
            }
        }
        app.server.drain().await;
        app.unread_mails();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn hosts_and_paths_in_events_are_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let body = json!({"username": "john", "password": PASSWORD}).to_string();
        for (place, value) in unusual_changes() {
            let change = |event: &mut Value| {
                authorize(event, &user);
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
            // Keeps the number of sessions below ten, so that the first one does not end.
            let token = signed_in["token"].as_str().unwrap();
            assert_eq!(app.log_out(token).await.status, 204);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn optional_members_may_be_missing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for place in OPTIONAL {
            for missing in [true, false] {
                let change = |event: &mut Value| {
                    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                    event["pathParameters"] = json!({"id": user.id.to_string()});
                    let (parent, name) = place.rsplit_once('/').unwrap();
                    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
                    if missing {
                        parent.remove(name);
                    } else {
                        parent.insert(name.to_owned(), Value::Null);
                    }
                };
                let (status, body) = app.invoke("get_user", change).await;
                assert_eq!(
                    (status, &body["id"]),
                    (200, &json!(user.id)),
                    "{place} {missing}: {body}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn paths_and_queries_may_have_any_length() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let long = format!("/{}", "\u{fc}a b".repeat(30_000));
        for place in [
            "/rawPath",
            "/rawQueryString",
            "/requestContext/stage",
            "/requestContext/http/path",
            "/requestContext/http/userAgent",
        ] {
            let change = |event: &mut Value| {
                event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                event["pathParameters"] = json!({"id": user.id.to_string()});
                *event.pointer_mut(place).unwrap() = json!(long);
            };
            let (status, body) = app.invoke("get_user", change).await;
            assert_eq!(
                (status, &body["id"]),
                (200, &json!(user.id)),
                "{place}: {body}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn foreign_events_get_an_internal_error() {
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
                json!({"httpMethod": "POST", "path": LOG_IN, "headers": {}, "body": "{}", "requestContext": {"stage": "prod"}}),
                json!({"version": "2.0", "headers": {}}),
                json!({"version": "2.0", "headers": 1, "requestContext": 1, "isBase64Encoded": "no"}),
            ] {
                let response = app
                    .server
                    .invoke(function, to_raw_value(&event).unwrap())
                    .await
                    .unwrap();
                let response: Value = serde_json::from_str(response.get()).unwrap();
                assert_eq!(
                    response["statusCode"], 500,
                    "{event} to {function}: {response}"
                );
                assert_eq!(
                    response["headers"]["content-type"],
                    "application/problem+json"
                );
                assert_eq!(response["isBase64Encoded"], false);
                let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
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
