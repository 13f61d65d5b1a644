//! The console of the development server: its HTTP API, and what it must not reveal.

mod clock;
mod documentation;
mod faults;
mod page;

use std::{collections::BTreeSet, time::Duration};

use local::{Options, Server};
use reqwest::Method;
use serde_json::{Value, json};
use shared::app::Providers;
use tokio::time::Instant;

use crate::support::{
    app::{PASSWORD, TestApp},
    paths::SIGN_UP,
    repository::root,
};

/// The response to a request, given as method and path after `/_local/`: status and body.
async fn send(app: &TestApp, request: &str, body: &Value) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let request = app.request(method, &format!("/_local/{path}")).json(body);
    let response = app.send(request).await;
    let body = serde_json::from_str(&response.text).unwrap_or(Value::Null);
    (response.status, body)
}

/// The response to a GET request, which succeeds.
async fn get(app: &TestApp, path: &str) -> Value {
    let (status, body) = send(app, &format!("GET {path}"), &Value::Null).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_can_be_listed_by_recipient() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    app.sign_up("jane").await;
    for to in ["jane%40example.com", "Jane%40Example.com"] {
        let mails = get(&app, &format!("mails?to={to}")).await;
        assert_eq!(mails.as_array().unwrap().len(), 1);
        assert_eq!(mails[0]["to"], json!(["jane@example.com"]));
    }
    assert_eq!(get(&app, "mails?to=x%40example.com").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_without_query_and_body() {
    let app = TestApp::start().await;
    let secret = "token=0123456789";
    app.send(app.request(Method::GET, &format!("/auth/sessions?{secret}")))
        .await;
    app.sign_up("john").await;
    let requests = get(&app, "requests").await;
    let newest = &requests[0];
    assert_eq!(newest["time"], "2026-01-31T12:00:00Z");
    let shown = ["method", "path", "status", "handler"].map(|field| newest[field].clone());
    assert_eq!(json!(shown), json!(["POST", SIGN_UP, 201, "sign_up"]));
    assert!(newest["milliseconds"].as_f64().unwrap() > 0.0);
    assert_eq!(requests[1]["path"], "/auth/sessions");
    let text = requests.to_string();
    assert!(!text.contains(secret) && !text.contains(PASSWORD), "{text}");
    assert_eq!(send(&app, "DELETE requests", &Value::Null).await.0, 204);
    assert_eq!(get(&app, "requests").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_counted_and_shown_without_secrets() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    app.change(&user.token, json!({"first_name": "John"})).await;
    let reset = app.reset_token(&user.email).await;
    let tables = get(&app, "tables").await;
    let users =
        json!({"name": "UsersTable", "items": 3, "kinds": {"email": 1, "user": 1, "username": 1}});
    assert!(tables.as_array().unwrap().contains(&users), "{tables}");

    let mut masked = BTreeSet::new();
    let mut shown = String::new();
    for table in tables.as_array().unwrap() {
        let path = format!("tables/{}", table["name"].as_str().unwrap());
        let items = get(&app, &path).await;
        assert_eq!(items["items"].as_array().unwrap().len(), table["items"]);
        collect_masked(&items["items"], "", &mut masked);
        shown += &items.to_string();
    }
    // The private key is the value of `pkcs8`.
    let expected = ["hash", "nonce", "password_hash", "pkcs8"];
    assert_eq!(Vec::from_iter(masked), expected);
    let secret = reset.rsplit('-').next().unwrap();
    for secret in [secret, "argon2", &user.token] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert!(shown.contains("john@example.com") && shown.contains("\"first_name\":\"John\""));
    assert_eq!(send(&app, "GET tables/Other", &Value::Null).await.0, 404);
}

/// Adds the names of masked attributes to `masked`.
fn collect_masked(value: &Value, name: &str, masked: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| collect_masked(value, name, masked)),
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_masked(value, name, masked)),
        Value::String(text) if text.starts_with('•') => {
            masked.insert(name.to_owned());
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_arrive_as_they_happen_and_end_with_the_server() {
    let options = Options::new(root().join("template.yaml"), Providers::system());
    let server = Server::start(options).await.unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address());
    let mut updates = reqwest::get(url("/_local/updates")).await.unwrap();
    assert_eq!(updates.headers()["content-type"], "text/event-stream");
    let user = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    for (method, path, body) in [
        (Method::POST, SIGN_UP, user),
        (Method::POST, "/_local/clock", json!({"advance_seconds": 1})),
        (Method::PATCH, "/_local/faults", json!({"ses_down": true})),
    ] {
        let request = reqwest::Client::new().request(method, url(path));
        assert!(
            request
                .json(&body)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }
    let mut received = Vec::new();
    while !String::from_utf8_lossy(&received).contains("event: faults\n") {
        received.extend(updates.chunk().await.unwrap().unwrap());
    }
    let received = String::from_utf8(received).unwrap();
    let kinds: BTreeSet<_> = received
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(
        Vec::from_iter(kinds),
        ["clock", "faults", "mail", "request"]
    );
    let mail = received.lines().find(|line| line.contains("#key="));
    let mail: Value = serde_json::from_str(mail.unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(mail["to"], json!(["john@example.com"]));

    // An open stream does not delay the end of the server, which otherwise waits for open requests.
    let started = Instant::now();
    server.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert!(updates.chunk().await.unwrap().is_none());
}
