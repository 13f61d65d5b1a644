//! The faults that the console injects.

use serde_json::{Value, json};

use super::{get, send};
use crate::support::{
    app::{PASSWORD, TestApp},
    tables::USERS,
};

const NONE: &str = r#"{"dynamodb_throttled":false,"responses_to_lose":0,"ses_down":false}"#;

async fn change(app: &TestApp, change: Value) -> Value {
    let (status, faults) = send(app, "PATCH faults", &change).await;
    assert_eq!(status, 200, "{faults}");
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_table_is_a_503_until_it_is_not() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    assert_eq!(get(&app, "faults").await.to_string(), NONE);
    let throttled = change(&app, json!({"dynamodb_throttled": true})).await;
    assert_eq!(throttled["dynamodb_throttled"], true);
    let response = app.log_in("john", PASSWORD).await;
    assert_eq!(response.status, 503, "{response:?}");
    // Other clients than the functions are not throttled.
    assert!(
        app.tables()
            .item(USERS, &format!("user#{}", user.id))
            .await
            .is_some()
    );
    let healed = change(&app, json!({"dynamodb_throttled": false})).await;
    assert_eq!(healed.to_string(), NONE);
    assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_retried_and_has_one_effect() {
    let app = TestApp::start().await;
    let lost = change(&app, json!({"responses_to_lose": 1})).await;
    assert_eq!(lost["responses_to_lose"], 1);
    app.sign_up("john").await;
    assert_eq!(get(&app, "faults").await.to_string(), NONE);
    app.tables().check_users().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_changed_without_the_others() {
    let app = TestApp::start().await;
    change(&app, json!({"ses_down": true, "responses_to_lose": 2})).await;
    let faults = change(&app, json!({"responses_to_lose": 3})).await;
    let expected = json!({"ses_down": true, "dynamodb_throttled": false, "responses_to_lose": 3});
    assert_eq!(faults, expected);
    for invalid in [
        json!({"responses_to_lose": 1001}),
        json!({"responses_to_lose": -1}),
        json!({"ses_down": "yes"}),
        json!({"sesDown": true}),
    ] {
        let (status, problem) = send(&app, "PATCH faults", &invalid).await;
        assert_eq!(status, 400, "{invalid}: {problem}");
    }
    assert_eq!(get(&app, "faults").await, expected);
    assert_eq!(send(&app, "DELETE faults", &Value::Null).await.0, 204);
    assert_eq!(get(&app, "faults").await.to_string(), NONE);
}
