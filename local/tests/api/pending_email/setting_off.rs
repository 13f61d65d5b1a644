//! Pending addresses from before `ConfirmEmailChange` was turned off.

use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, TestUser},
    pending_email::{NEW, addresses, assert_moved, assert_rejected, resend},
    tables::USERS,
    times::COOL_DOWN,
};

/// Starts an app without the setting, with John, whose record has a pending address, and the key of the link to it.
async fn start() -> (TestApp, TestUser, String) {
    let app = TestApp::start().await;
    let john = app.sign_up("john").await;
    app.confirm(&john).await;
    let mut record = app.tables().user(john.id).await;
    record["pending_email"] = json!({"email": NEW});
    app.tables().put(USERS, &record).await;
    app.advance(COOL_DOWN);
    assert_eq!(resend(&app, &john).await.status, 200);
    let key = app.confirmation_key(NEW);
    (app, john, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_still_moves_the_account() {
    let (app, john, key) = start().await;
    let expected = (json!(john.email), json!(true), json!(NEW));
    assert_eq!(addresses(&app, &john).await, expected);
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert_moved(&app, &john, NEW).await;
    let notice = app.mail();
    assert_eq!(notice.to, [john.email.as_str()]);
    assert!(notice.text.contains("/revert_email?key="));
    app.tables().check_users().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_given_again_takes_effect_at_once() {
    let (app, john, replaced) = start().await;
    let response = app.change(&john.token, json!({"email": NEW})).await;
    assert_eq!(response.status, 200, "{response:?}");
    let expected = (json!(NEW), json!(false), Value::Null);
    assert_eq!(addresses(&app, &john).await, expected);
    assert_eq!(app.mail().to, [john.email.as_str()]);
    assert_rejected(&app.confirm_with(&replaced).await);
    let key = app.confirmation_key(NEW);
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert_moved(&app, &john, NEW).await;
    app.tables().check_users().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_discards_the_pending_one() {
    let (app, john, key) = start().await;
    let other = "other@example.com";
    let response = app.change(&john.token, json!({"email": other})).await;
    assert_eq!(response.status, 200, "{response:?}");
    app.mail();
    assert_rejected(&app.confirm_with(&key).await);
    let expected = (json!(other), json!(false), Value::Null);
    assert_eq!(addresses(&app, &john).await, expected);
    let free = app
        .try_sign_up("jane", NEW, "a password of another user")
        .await;
    assert_eq!(free.status, 201, "{free:?}");
    app.tables().check_users().await;
}
