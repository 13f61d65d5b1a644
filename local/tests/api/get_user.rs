//! `GET /api/users/{id}`, families 8 to 10.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    app::{Answer, PASSWORD, TestApp, fault, problem},
    proxy::Call,
    raw::{self, IN_TIME},
    tables::Tables,
};

/// Ids that nobody can have, as a client may write them in a path.
const BAD_IDS: [&str; 34] = [
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

fn without_date(answer: &Answer) -> (u16, HeaderMap, &str) {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    (answer.status, headers, &answer.text)
}

mod case_08_own_record {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn ones_own_id_gives_the_seven_fields_at_one_read_and_no_write() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        let answer = app.details(&user).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            answer.json(),
            json!({
                "id": user.id, "username": "john", "email": "john@example.com", "first_name": "", "last_name": "",
                "is_superuser": false, "date_joined": "2026-01-31T12:00:00Z",
            })
        );
        let calls = app.proxy.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].operation, "GetItem");
        assert_eq!(calls[0].body["ConsistentRead"], true);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn someone_else_and_nobody_are_the_same_to_others_and_are_not_even_read() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        let someone = app
            .get(&format!("/api/users/{}", other.id), &user.token)
            .await;
        assert_eq!(someone.problem(), problem(404, "not_found"));
        for id in [1, 21, other.id - 1, other.id + 1, (1 << 53) - 1] {
            let nobody = app.get(&format!("/api/users/{id}"), &user.token).await;
            assert_eq!(without_date(&nobody), without_date(&someone), "{id}");
        }
        let read: Vec<_> = app
            .proxy
            .calls()
            .iter()
            .flat_map(Call::keys)
            .map(|(_, key)| key)
            .collect();
        assert_eq!(read, vec![format!("user#{}", user.id); 6]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_superuser_may_read_anyone() {
        let app = TestApp::start().await;
        let (root, other) = (app.sign_up("root-user").await, app.sign_up("jane").await);
        Tables::of(&app).make_superuser(root.id).await;
        assert_eq!(app.details(&root).await.json()["is_superuser"], true);
        let theirs = app
            .get(&format!("/api/users/{}", other.id), &root.token)
            .await;
        assert_eq!(
            (theirs.status, theirs.json()),
            (200, app.details(&other).await.json())
        );
        let nobodys = app.get("/api/users/21", &root.token).await;
        assert_eq!(nobodys.problem(), problem(404, "not_found"));
        for id in BAD_IDS {
            let answer = raw_get(&app, id, &root.token).await;
            assert!([400, 404].contains(&answer.0), "{id}: {answer:?}");
        }
        // Being read by a superuser makes nobody one.
        let back = app
            .get(&format!("/api/users/{}", root.id), &other.token)
            .await;
        assert_eq!(back.problem(), problem(404, "not_found"));
    }
}

async fn raw_get(app: &TestApp, id: &str, token: &str) -> (u16, Value) {
    let authorization = format!("authorization: Token {token}");
    let lines = [b"host: localhost".as_slice(), authorization.as_bytes()];
    let answer = raw::send(app, &format!("GET /api/users/{id}"), &lines, b"").await;
    (answer.status, answer.body)
}

mod case_09_ids {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_id_is_never_a_record() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for id in BAD_IDS {
            let (status, body) = raw_get(&app, id, &user.token).await;
            assert_eq!(status, 400, "{id}: {body}");
            assert_eq!(body["code"], "invalid_request", "{id}");
            assert_eq!(body["errors"][0]["field"], "id", "{id}");
            let (status, body) = raw_get(&app, id, "x").await;
            assert_eq!(
                (status, &body["code"]),
                (401, &json!("not_authenticated")),
                "{id}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ones_own_id_has_one_spelling() {
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
            let (status, body) = raw_get(&app, &id, &user.token).await;
            assert_eq!(
                (status, &body["errors"][0]["field"]),
                (400, &json!("id")),
                "{id}: {body}"
            );
        }
        // No route leads to these.
        for id in [
            String::new(),
            format!("{own}/"),
            format!("/{own}"),
            format!("{own}/../{own}"),
            format!("{own}/sessions"),
        ] {
            let answer = raw_get(&app, &id, &user.token).await;
            assert_eq!(answer, (404, json!({"message": "Not Found"})), "{id}");
        }
        let with_query = raw_get(&app, &format!("{own}?id=1"), &user.token).await;
        assert_eq!((with_query.0, &with_query.1["id"]), (200, &json!(user.id)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_may_hold_any_text_as_the_id() {
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
            let (status, body) = timeout(IN_TIME, app.invoke("get_user", change))
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
    async fn a_plain_client_gets_the_fault_by_name() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let answer = app.get("/api/users/\u{661}", &user.token).await;
        assert_eq!(answer.fault(), fault("id", "invalid"));
        let answer = app.get("/api/users/9007199254740992", &user.token).await;
        assert_eq!(answer.fault(), fault("id", "invalid"));
        let answer = app.get("/api/users/9007199254740991", &user.token).await;
        assert_eq!(answer.problem(), problem(404, "not_found"));
    }
}

mod case_10_read_after_write {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_changed_is_what_is_read() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for round in 0..100 {
            let name = format!("John {round}");
            let change = json!({"current-password": PASSWORD, "first_name": name});
            let changed = app.update(&user.token, &change).await;
            assert_eq!(
                (changed.status, &changed.json()["first_name"]),
                (200, &json!(name))
            );
            let read = app.details(&user).await;
            assert_eq!((read.status, read.json()), (200, changed.json()));
        }
    }
}
