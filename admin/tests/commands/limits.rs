//! `limits`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::latchkey::{Latchkey, PASSWORD};

/// Returns the counters that `limits show` lists, with their numbers.
async fn shown(latchkey: &Latchkey, target: &str) -> Vec<(String, u64, Value)> {
    let shown = latchkey.json(&["limits", "show", target]).await;
    let counters = shown["counters"].as_array().unwrap().iter();
    counters
        .map(|counter| {
            let what = counter["counted"].as_str().unwrap().to_owned();
            let wait = counter["waits_until"].clone();
            (what, counter["number"].as_u64().unwrap(), wait)
        })
        .collect()
}

#[tokio::test]
async fn counters_of_a_user_are_shown() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    for _ in 0..5 {
        latchkey.log_in("ann", "wrong password").await;
    }
    latchkey.request_reset("ann@example.com").await;
    let counters = shown(&latchkey, "ann").await;
    let numbers: Vec<_> = counters
        .iter()
        .map(|(what, number, _)| (what.as_str(), *number))
        .collect();
    assert_eq!(
        numbers,
        [
            ("wrong passwords", 5),
            ("reset mails", 1),
            ("confirmation mails", 1)
        ]
    );
    assert!(counters[0].2.as_str().unwrap().ends_with('Z'));
    let table = latchkey.admin(&["limits", "show", "ann"]).await;
    assert_eq!(table.out.lines().count(), 4, "{table:?}");
    latchkey.json(&["limits", "clear", "ann"]).await;
    assert!(shown(&latchkey, "ann").await.is_empty());
}

#[tokio::test]
async fn counters_of_unknown_names_and_sources_are_shown() {
    let latchkey = Latchkey::start().await;
    for _ in 0..2 {
        latchkey.log_in("unknown", PASSWORD).await;
    }
    let counters = shown(&latchkey, "unknown").await;
    let [(what, number, _)] = counters.as_slice() else {
        panic!("{counters:?}");
    };
    let expected = "wrong passwords for an unknown name";
    assert_eq!((what.as_str(), *number), (expected, 2));
    let of_source = shown(&latchkey, "127.0.0.1").await;
    assert!(
        of_source
            .iter()
            .any(|(what, number, _)| what == "log_in" && *number == 2),
        "{of_source:?}"
    );
    let nothing = latchkey.admin(&["limits", "show", "203.0.113.7"]).await;
    assert_eq!(nothing.out, "Nothing is counted.\n");
    assert_eq!(latchkey.admin(&["limits", "show", "id:7"]).await.code, 1);
    assert!(latchkey.changes().await.is_empty());
}

#[tokio::test]
async fn a_locked_out_user_is_let_in() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    for _ in 0..5 {
        latchkey.log_in("ann", "wrong password").await;
    }
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann@example.com"]).await;
    assert_eq!(
        cleared["cleared"],
        json!(["wrong passwords", "confirmation mails"])
    );
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
    let changes = latchkey.changes().await;
    assert_eq!(changes, [("clear_limits".to_owned(), Some(ann.id))]);
    let output = latchkey.admin(&["limits", "clear", "ann"]).await;
    assert_eq!(output.out, "There was nothing to reset.\n");
}

#[tokio::test]
async fn an_unknown_name_is_cleared_too() {
    let latchkey = Latchkey::start().await;
    for _ in 0..5 {
        latchkey.log_in("unknown", PASSWORD).await;
    }
    assert_eq!(latchkey.log_in("unknown", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "unknown"]).await;
    assert_eq!(cleared["cleared"][0], "wrong passwords for an unknown name");
    assert_eq!(latchkey.log_in("unknown", PASSWORD).await.0, 401);
}

#[tokio::test]
async fn reset_mails_may_be_requested_again() {
    let latchkey = Latchkey::with(
        &[
            ("RESET_MAILS_PER_DAY", "1"),
            ("RESET_COOL_DOWN_SECONDS", "0"),
        ],
        true,
    )
    .await;
    latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    assert_eq!(latchkey.request_reset("ann@example.com").await, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann"]).await;
    assert_eq!(cleared["cleared"][0], "reset mails");
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    // The third confirms the address of the sign-up.
    assert_eq!(latchkey.server.mails().len(), 3);
}

#[tokio::test]
async fn confirmation_mails_may_be_requested_again() {
    let latchkey = Latchkey::with(
        &[
            ("RESET_MAILS_PER_DAY", "1"),
            ("RESET_COOL_DOWN_SECONDS", "0"),
        ],
        true,
    )
    .await;
    let ann = latchkey.sign_up("ann").await;
    let resend = async || {
        let path = "/auth/confirm_email/resend";
        let body = json!({});
        latchkey.call(Method::POST, path, &ann.token, &body).await.0
    };
    while resend().await == 200 {}
    assert_eq!(resend().await, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann"]).await;
    assert_eq!(cleared["cleared"], json!(["confirmation mails"]));
    assert_eq!(resend().await, 200);
}

#[tokio::test]
async fn a_source_address_is_served_again() {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "2")], true).await;
    latchkey.sign_up("ann").await;
    for _ in 0..2 {
        latchkey.log_in("ann", "wrong password").await;
    }
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "127.0.0.1"]).await;
    let cleared = cleared["cleared"].as_array().unwrap();
    assert!(
        cleared.contains(&"log_in".into()) && cleared.contains(&"sign_up".into()),
        "{cleared:?}"
    );
    // A process remembers for a minute that the address was over its limit.
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    latchkey.advance(Duration::from_mins(1));
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn an_address_may_be_changed_again() {
    let latchkey = Latchkey::with(&[("LIMIT_EMAIL_CHANGES_PER_DAY", "1")], true).await;
    let ann = latchkey.sign_up("ann").await;
    let change = async |address: &str| {
        let body = json!({"current-password": PASSWORD, "email": address});
        let path = "/api/users/update_details";
        latchkey
            .call(Method::PATCH, path, &ann.token, &body)
            .await
            .0
    };
    assert_eq!(change("a@example.com").await, 200);
    assert_eq!(change("b@example.com").await, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann"]).await;
    assert_eq!(
        cleared["cleared"],
        json!(["changes of the address", "confirmation mails"])
    );
    assert_eq!(change("b@example.com").await, 200);
}
