//! The clock of the console: everything that depends on time sees the same time.

use serde_json::{Value, json};

use super::{get, send};
use crate::support::{
    app::{OTHER_PASSWORD, START, TestApp, token_in},
    paths::CONFIRM_EMAIL,
    tables::TRANSIENT,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

async fn advance(app: &TestApp, seconds: u64) -> Value {
    let (status, clock) = send(app, "POST clock", &json!({"advance_seconds": seconds})).await;
    assert_eq!(status, 200, "{clock}");
    clock
}

#[tokio::test(flavor = "multi_thread")]
async fn links_sessions_and_items_expire() {
    let app = TestApp::start().await;
    let start = json!({"now": "2026-01-31T12:00:00Z", "advanced_seconds": 0});
    assert_eq!(get(&app, "clock").await, start);
    let user = app.sign_up("john").await;
    let token = app.reset_token(&user.email).await;
    let key = format!("reset#{}", user.id);
    assert!(app.tables().item(TRANSIENT, &key).await.is_some());

    let clock = advance(&app, 48 * HOUR).await;
    let later = json!({"now": "2026-02-02T12:00:00Z", "advanced_seconds": 48 * HOUR});
    assert_eq!((&clock, app.now()), (&later, START + 48 * HOUR));
    assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 400);
    assert_eq!(app.details(&user).await.status, 200);

    advance(&app, 15 * DAY).await;
    assert_eq!(app.details(&user).await.status, 401);
    assert!(app.tables().item(TRANSIENT, &key).await.is_none());
    let newer = app.reset_token(&user.email).await;
    assert_eq!(app.complete(&newer, OTHER_PASSWORD).await.status, 201);
    assert_eq!(app.mail().sent_at, "2026-02-17T12:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_for_ses_is_sent_once_time_passes() {
    let app = TestApp::start().await;
    app.sign_up("john").await;
    let down = json!({"ses_down": true});
    assert_eq!(send(&app, "PATCH faults", &down).await.0, 200);
    assert_eq!(app.request_reset("john@example.com").await.status, 200);
    advance(&app, HOUR).await;
    assert_eq!(app.unread_mails().len(), 0);
    assert_eq!(send(&app, "DELETE faults", &Value::Null).await.0, 204);
    advance(&app, HOUR).await;
    let mail = app.mail();
    assert_eq!(mail.sent_at, "2026-01-31T14:00:00Z");
    let completed = app.complete(&token_in(&mail), OTHER_PASSWORD).await;
    assert_eq!(completed.status, 201);
    app.mail();
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_changes_are_rejected() {
    let app = TestApp::start().await;
    for body in [
        json!({"advance_seconds": 0}),
        json!({"advance_seconds": -1}),
        json!({"advance_seconds": u64::MAX}),
        json!({"advance_seconds": "1"}),
        json!({"advance_seconds": 1, "now": 2}),
        json!({}),
        json!([]),
    ] {
        let (status, problem) = send(&app, "POST clock", &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(problem["message"].is_string(), "{problem}");
    }
    assert_eq!(app.now(), START);
    let invalid = json!({"key": "1-00"});
    assert_eq!(app.post(CONFIRM_EMAIL, &invalid).await.status, 400);
}
