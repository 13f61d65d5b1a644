//! docs/events.md describes the events as they are.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::user_event::EventKind;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    events::{WITH_EVENTS, published},
    operator::Operator,
    paths::DELETE_ACCOUNT,
    repository::read,
};

/// A value whose texts and numbers are replaced, so that only its form is left. Texts of a fixed value are kept.
fn form(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Number(_) => json!(0),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match name.as_str() {
                "source" | "detail-type" | "version" if value.is_string() => {
                    (name.clone(), value.clone())
                }
                _ => (name.clone(), form(value)),
            });
            fields.collect()
        }
        other => other.clone(),
    }
}

/// The examples of the document by their headings.
fn examples() -> BTreeMap<String, Value> {
    let text = read("docs/events.md");
    let sections = text.split("\n### ").skip(1);
    let example = |section: &str| {
        let (heading, rest) = section.split_once('\n').unwrap();
        let (_, rest) = rest.split_once("```json\n").unwrap();
        let (json, _) = rest.split_once("\n```").unwrap();
        (heading.to_owned(), serde_json::from_str(json).unwrap())
    };
    sections.map(example).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_an_example_of_each_event() {
    let mut examples = examples();
    let with_email = examples.remove("With EventsWithEmail=true").unwrap();
    let named: Vec<_> = examples.keys().map(String::as_str).collect();
    let mut kinds = EventKind::ALL.map(EventKind::name);
    kinds.sort_unstable();
    assert_eq!(named, kinds);
    let app = TestApp::without_source_limits_and(&WITH_EVENTS).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let both = json!({"last_name": "Doe", "password": OTHER_PASSWORD});
    assert_eq!(app.change(&john.token, both).await.status, 200);
    app.mail();
    Operator::of(&app).disable_and_enable(john.id).await;
    let token = app.token("john", OTHER_PASSWORD).await;
    let request = app
        .request(Method::POST, DELETE_ACCOUNT)
        .header("authorization", format!("Bearer {token}"))
        .json(&json!({"current-password": OTHER_PASSWORD}));
    assert_eq!(app.send(request).await.status, 204);
    app.mail();
    let published = published(&app).await;
    let published = published.iter().map(|event| {
        let form = form(&serde_json::to_value(event).unwrap());
        (event.detail_type.clone(), form)
    });
    let documented = examples
        .iter()
        .map(|(kind, event)| (kind.clone(), form(event)));
    assert_eq!(
        published.collect::<BTreeMap<_, _>>(),
        documented.collect::<BTreeMap<_, _>>()
    );
    let settings = [WITH_EVENTS[0], ("EventsWithEmail", "true")];
    let app = TestApp::without_source_limits_and(&settings).await;
    app.try_sign_up("john", "john@example.com", PASSWORD).await;
    app.server.poll().await;
    let event = serde_json::to_value(&app.server.events()[0]).unwrap();
    assert_eq!(form(&event), form(&with_email));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_server_lists_events() {
    let app = TestApp::without_source_limits_and(&WITH_EVENTS).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let list = app.send(app.request(Method::GET, "/_local/events")).await;
    let list = list.json();
    let kinds: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["detail-type"])
        .collect();
    assert_eq!(kinds, ["user.verified", "user.created"]);
    let cleared = app
        .send(app.request(Method::DELETE, "/_local/events"))
        .await;
    assert_eq!(cleared.status, 204);
    let list = app.send(app.request(Method::GET, "/_local/events")).await;
    assert_eq!(list.json(), json!([]));
}
