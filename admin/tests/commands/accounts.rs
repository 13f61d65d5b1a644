//! `superuser`, `limits`, and errors that every command shares.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD, run};

#[tokio::test]
async fn a_superuser_may_read_others_until_revoked() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    let output = latchkey
        .admin(&["superuser", "grant", "Ann@example.com"])
        .await;
    let expected = format!("ann (id {}) is now a superuser.\n", ann.id);
    assert_eq!((output.code, output.out), (0, expected));
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 200);
    let again = latchkey.json(&["superuser", "grant", "ANN"]).await;
    assert_eq!(again["changed"], false);
    let id = ann.id.to_string();
    let revoked = latchkey.json(&["superuser", "revoke", &id]).await;
    assert_eq!(
        (&revoked["changed"], &revoked["is_superuser"]),
        (&true.into(), &false.into())
    );
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

#[tokio::test]
async fn granting_counts_as_a_change_of_the_record() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let version = async || {
        let items = latchkey.items("UsersTable").await;
        items
            .iter()
            .find_map(|item| item.get("version").cloned())
            .unwrap()
    };
    let before = version().await;
    latchkey.json(&["superuser", "grant", "ann"]).await;
    assert_ne!(version().await, before);
}

#[tokio::test]
async fn an_unknown_user_is_named_and_the_exit_code_is_one() {
    let latchkey = Latchkey::start().await;
    let output = latchkey
        .admin(&["superuser", "grant", "unknown@example.com"])
        .await;
    assert_eq!(output.code, 1);
    assert_eq!(
        output.error,
        "error: no user has the e-mail address unknown@example.com\n"
    );
    // A username that today's rules refuse may be stored.
    let output = latchkey.admin(&["superuser", "grant", "two words"]).await;
    assert_eq!(output.code, 1);
    let output = latchkey.admin(&["superuser", "grant", "two\tlines"]).await;
    assert_eq!(output.code, 2);
}

#[tokio::test]
async fn digits_that_mean_two_users_are_refused() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let id = ann.id.to_string();
    let other = latchkey.sign_up(&id).await;
    let output = latchkey.admin(&["superuser", "grant", &id]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let by_name = latchkey
        .json(&["superuser", "grant", &format!("username:{id}")])
        .await;
    assert_eq!(by_name["id"], other.id);
}

#[tokio::test]
async fn a_missing_table_is_a_clear_error() {
    let latchkey = Latchkey::start().await;
    let output = latchkey
        .admin(&["--users-table", "Nothing", "superuser", "grant", "ann"])
        .await;
    assert_eq!(output.code, 1);
    assert!(
        output.error.contains("Name the tables with --users-table"),
        "{}",
        output.error
    );
    let output = run(&["--endpoint-url", "http://127.0.0.1:1", "keys", "show"]).await;
    assert_eq!(output.code, 1);
    assert!(
        output.error.contains("Check the region and the address"),
        "{}",
        output.error
    );
}

#[tokio::test]
async fn a_locked_out_user_is_let_in() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    for _ in 0..5 {
        latchkey.log_in("ann", "wrong password").await;
    }
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann@example.com"]).await;
    assert_eq!(cleared["cleared"][0], "wrong passwords");
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
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
        cleared["cleared"][0],
        "changes of the address and the password"
    );
    assert_eq!(change("b@example.com").await, 200);
}

#[tokio::test]
async fn an_unknown_profile_is_a_clear_error() {
    let output = run(&[
        "--region",
        "eu-central-1",
        "--profile",
        "unknown",
        "keys",
        "show",
    ])
    .await;
    assert_eq!(output.code, 1);
    assert!(
        output.error.contains("aws configure list-profiles"),
        "{output:?}"
    );
}
