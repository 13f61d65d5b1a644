//! Which changes cause which events.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, THIRD_PASSWORD, TestApp},
    events::{WITH_EVENTS, kinds, published},
    operator::Operator,
    paths::DELETE_ACCOUNT,
};

fn expected(events: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = |(kind, version): &(&str, u64)| ((*kind).to_owned(), *version);
    events.iter().map(owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_publishes_its_events_in_ascending_versions() {
    // With revert links, a changed address would delay the deletion.
    let settings = [WITH_EVENTS[0], ("REVERT_LINK_BASE", "")];
    let app = TestApp::without_source_limits_and(&settings).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let change = async |fields: Value| app.change(&john.token, fields).await.status;
    assert_eq!(change(json!({"first_name": "John"})).await, 200);
    assert_eq!(change(json!({"email": "j@example.com"})).await, 200);
    let both = json!({"last_name": "Doe", "password": OTHER_PASSWORD});
    assert_eq!(change(both).await, 200);
    let reset_token = {
        assert_eq!(app.unread_mails().len(), 2);
        app.reset_token("j@example.com").await
    };
    let reset = app.complete(&reset_token, THIRD_PASSWORD).await;
    assert_eq!(reset.status, 201, "{reset:?}");
    app.mail();
    Operator::of(&app).disable_and_enable(john.id).await;
    let token = app.token("john", THIRD_PASSWORD).await;
    let request = app
        .request(Method::POST, DELETE_ACCOUNT)
        .header("authorization", format!("Bearer {token}"))
        .json(&json!({"current-password": THIRD_PASSWORD}));
    assert_eq!(app.send(request).await.status, 204);
    app.mail();
    let events = [
        ("user.created", 1),
        ("user.verified", 2),
        ("user.updated", 3),
        ("user.updated", 4),
        ("user.password_changed", 5),
        ("user.updated", 5),
        ("user.password_changed", 6),
        ("user.verified", 6),
        ("user.disabled", 7),
        ("user.enabled", 8),
        ("user.deleted", 9),
    ];
    assert_eq!(kinds(&app).await, expected(&events));
    let events = published(&app).await;
    let ids: BTreeSet<_> = events
        .iter()
        .map(|event| event.detail["event_id"].to_string())
        .collect();
    assert_eq!(ids.len(), events.len());
    for event in &events {
        let fields: Vec<_> = event.detail.keys().map(String::as_str).collect();
        assert_eq!(fields, ["event_id", "occurred_at", "user_id", "version"]);
        assert_eq!(event.detail["user_id"], john.id);
        assert_eq!(event.detail["occurred_at"], "2026-01-31T12:00:00Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_address_is_updated_and_verified_at_once() {
    let settings = [WITH_EVENTS[0], ("CONFIRM_EMAIL_CHANGE", "true")];
    let app = TestApp::without_source_limits_and(&settings).await;
    let john = app.sign_up("john").await;
    let change = json!({"email": "j@example.com"});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    let key = app.confirmation_key("j@example.com");
    assert_eq!(app.confirm_with(&key).await.status, 200);
    app.unread_mails();
    let events = [
        ("user.created", 1),
        ("user.updated", 2),
        ("user.updated", 3),
        ("user.verified", 3),
    ];
    assert_eq!(kinds(&app).await, expected(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_address_that_a_reset_discards_is_updated() {
    let settings = [WITH_EVENTS[0], ("CONFIRM_EMAIL_CHANGE", "true")];
    let app = TestApp::without_source_limits_and(&settings).await;
    let john = app.sign_up("john").await;
    let change = json!({"email": "j@example.com"});
    assert_eq!(app.change(&john.token, change).await.status, 200);
    app.unread_mails();
    let reset_token = app.reset_token(&john.email).await;
    assert_eq!(app.complete(&reset_token, OTHER_PASSWORD).await.status, 201);
    app.mail();
    let events = [
        ("user.created", 1),
        ("user.updated", 2),
        ("user.password_changed", 3),
        ("user.updated", 3),
        ("user.verified", 3),
    ];
    assert_eq!(kinds(&app).await, expected(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_no_account_causes_no_event() {
    let app = TestApp::without_source_limits_and(&WITH_EVENTS).await;
    let john = app.sign_up("john").await;
    let taken = app.try_sign_up("john", "other@example.com", PASSWORD).await;
    assert_eq!(taken.status, 400);
    app.fail_log_ins("john", 1).await;
    let session = app.token("john", PASSWORD).await;
    assert_eq!(app.log_out(&session).await.status, 204);
    app.guess_current_password(&john).await;
    let same = json!({"first_name": ""});
    assert_eq!(app.change(&john.token, same).await.status, 200);
    app.reset_token(&john.email).await;
    assert_eq!(app.complete("1-0", PASSWORD).await.status, 400);
    assert_eq!(kinds(&app).await, expected(&[("user.created", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_published_only_by_setting() {
    let settings = [WITH_EVENTS[0], ("EventsWithEmail", "true")];
    let app = TestApp::without_source_limits_and(&settings).await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let events = published(&app).await;
    let address = |event: &local::PublishedEvent| {
        (
            event.detail["email"].clone(),
            event.detail["email_verified"].clone(),
        )
    };
    let addresses: Vec<_> = events.iter().map(address).collect();
    let email = || json!("john@example.com");
    assert_eq!(addresses, [(email(), json!(false)), (email(), json!(true))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bus_there_is_no_event_and_no_table() {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    assert!(app.server.environment("publish").is_none());
    let tables = &app.server.template().tables;
    assert!(tables.iter().all(|table| table.name != "EventsTable"));
    assert!(
        app.proxy
            .calls()
            .iter()
            .all(|call| !call.contains("event#"))
    );
    assert!(app.server.events().is_empty());
}
