//! `GET /api/users/{id}`: ids and paths.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    app::TestApp,
    raw_http,
    response::{field_error, problem},
    times::RESPONSE_TIMEOUT,
};

/// Malformed ids, as a client may write them in a path.
pub const MALFORMED_IDS: [&str; 34] = [
    "0",
    "-0",
    "-1",
    "+1",
    "01",
    "00",
    "1.0",
    "1.",
    "1e3",
    "1E3",
    "0x1",
    "1_000",
    "1,000",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551617",
    "1111111111111111111111111111111111111111",
    "NaN",
    "null",
    "true",
    "me",
    "update_details",
    "john",
    "user#1",
    "*",
    "..",
    "%00",
    "%2F",
    "%20",
    "%",
    "%zz",
    "%D9%A1",
    "%EF%BC%91",
];

/// The response to a request for a record whose id is written as `id` in the path.
pub async fn get_raw(app: &TestApp, id: &str, token: &str) -> (u16, Value) {
    let authorization = format!("authorization: Token {token}");
    let path = format!("/api/users/{id}");
    let response = raw_http::get(app, &path, &[authorization.as_bytes()]).await;
    (response.status, response.body)
}

mod case_09_user_ids {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_ids_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for id in MALFORMED_IDS {
            let (status, body) = get_raw(&app, id, &user.token).await;
            assert_eq!(status, 400, "{id}: {body}");
            assert_eq!(body["code"], "invalid_request", "{id}");
            assert_eq!(body["errors"][0]["field"], "id", "{id}");
            let (status, body) = get_raw(&app, id, "x").await;
            assert_eq!(
                (status, &body["code"]),
                (401, &json!("not_authenticated")),
                "{id}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_id_has_one_spelling() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let own = user.id.to_string();
        let spelt = |digit: fn(u8) -> String| own.bytes().map(digit).collect::<String>();
        let encoded = spelt(|digit| format!("%{digit:02x}"));
        let arabic = spelt(|digit| format!("%D9%{:02X}", 0xa0 + (digit - b'0')));
        for id in [
            encoded,
            format!("{}%3{}", &own[..own.len() - 1], &own[own.len() - 1..]),
            arabic,
            format!("0{own}"),
            format!("+{own}"),
            format!("%20{own}"),
            format!("{own}%20"),
            format!("{own}%00"),
            format!("{own}%0A"),
            format!("{own}%2F"),
            format!("{own}%2Fsessions"),
            format!("{own}.0"),
            format!("{own}e0"),
            format!("{own};x=1"),
            format!("{own},{own}"),
            (u128::from(user.id) + (1 << 64)).to_string(),
        ] {
            let (status, body) = get_raw(&app, &id, &user.token).await;
            assert_eq!(
                (status, &body["errors"][0]["field"]),
                (400, &json!("id")),
                "{id}: {body}"
            );
        }
        // These paths have no route.
        for id in [
            String::new(),
            format!("{own}/"),
            format!("/{own}"),
            format!("{own}/../{own}"),
            format!("{own}/sessions"),
        ] {
            let response = get_raw(&app, &id, &user.token).await;
            assert_eq!(response, (404, json!({"message": "Not Found"})), "{id}");
        }
        let with_query = get_raw(&app, &format!("{own}?id=1"), &user.token).await;
        assert_eq!((with_query.0, &with_query.1["id"]), (200, &json!(user.id)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_may_hold_any_text_as_id() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let own = user.id.to_string();
        for id in [
            json!("\0"),
            json!(format!("{own}\0")),
            json!("/"),
            json!(format!("{own}/")),
            json!("\u{661}"),
            json!("\u{ff11}"),
            json!("\u{1d7cf}"),
            json!("\u{b9}"),
            json!("\u{202e}1"),
            json!(" 1"),
            json!("\u{a0}1"),
            json!(""),
            json!("1".repeat(10_000)),
            json!(null),
        ] {
            let change = |event: &mut Value| {
                event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                event["pathParameters"] = match &id {
                    Value::Null => Value::Null,
                    id => json!({"id": id}),
                };
            };
            let (status, body) = timeout(RESPONSE_TIMEOUT, app.invoke("get_user", change))
                .await
                .unwrap();
            assert_eq!(
                (status, &body["errors"][0]["field"]),
                (400, &json!("id")),
                "{id}: {body}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_invalid_id_is_reported_by_field() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = app.get("/api/users/\u{661}", &user.token).await;
        assert_eq!(response.field_error(), field_error("id", "invalid"));
        let response = app.get("/api/users/9007199254740992", &user.token).await;
        assert_eq!(response.field_error(), field_error("id", "invalid"));
        let response = app.get("/api/users/9007199254740991", &user.token).await;
        assert_eq!(response.problem(), problem(404, "not_found"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_ids_in_paths_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let line = format!("authorization: Token {}", user.token);
        let lines = [line.as_bytes()];
        let own = user.id;
        for path in [
            format!("/api/users/{own};v=1"),
            format!("/api/users/{own}."),
            format!("/api/users/{own}%23"),
            format!("/api/users/{own}%3F"),
            format!("/api/users/%2e%2e%2f{own}"),
            "/api/users/%2e".to_owned(),
            "/api/users/.".to_owned(),
            "/api/users/\\".to_owned(),
            "/api/users/\u{663}".to_owned(),
            "/api/users/%C0%AF".to_owned(),
            "/api/users/%ED%A0%80".to_owned(),
            "/api/users/%u0031".to_owned(),
            format!("/api/users/{}", "9".repeat(4_000)),
            format!("/api/users/{}", "%31".repeat(2_000)),
            "/api/users/{id}".to_owned(),
            "/api/users/$default".to_owned(),
        ] {
            let response = raw_http::get(&app, &path, &lines).await;
            assert_eq!(response.status, 400, "{path}: {response:?}");
            assert!(response.body.is_object(), "{path}: {response:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn paths_are_matched_exactly() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let line = format!("authorization: Token {}", user.token);
        let lines = [line.as_bytes()];
        let own = user.id;
        for path in [
            format!("/api/users/{own}/."),
            format!("/./api/users/{own}"),
            format!("/api/./users/{own}"),
            format!("/api/users/../users/{own}"),
            format!("/api/users\\{own}"),
            format!("//localhost/api/users/{own}"),
            format!("/api/users/{own}//"),
        ] {
            let response = raw_http::get(&app, &path, &lines).await;
            let not_found = json!({"message": "Not Found"});
            assert_eq!((response.status, response.body), (404, not_found), "{path}");
        }
        // The name of a page that does not exist.
        let encoded = format!("/api%2Fusers%2F{own}");
        let response = raw_http::get(&app, &encoded, &lines).await;
        assert_eq!((response.status, response.body), (404, Value::Null));
        let wrong_method = app.request(Method::PATCH, &format!("/api/users/{own}"));
        assert_eq!(app.send(wrong_method).await.status, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn query_fragment_and_origin_are_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let line = format!("authorization: Token {}", user.token);
        let lines = [line.as_bytes()];
        let own = user.id;
        for path in [
            format!("/api/users/{own}?"),
            format!("/api/users/{own}?id=1&id=2"),
            format!("/api/users/{own}?%zz&&=&#"),
            format!("/api/users/{own}#1"),
            format!("http://localhost/api/users/{own}"),
            format!("https://evil.example:99/api/users/{own}?x"),
        ] {
            let response = raw_http::get(&app, &path, &lines).await;
            assert_eq!(
                (response.status, &response.body["id"]),
                (200, &json!(own)),
                "{path}"
            );
        }
        for path in ["", "api/users/1", "/api/users/1 2", "/api/users/\u{1}"] {
            let response = raw_http::get(&app, path, &lines).await;
            assert_eq!(response.status, 400, "{path}");
        }
    }
}
