//! Errors that every command shares.

use crate::latchkey::{Latchkey, run};

#[tokio::test]
async fn an_unknown_user_is_named_and_the_exit_code_is_one() {
    let latchkey = Latchkey::start().await;
    let output = latchkey
        .admin(&["superuser", "grant", "unknown@example.com", "--yes"])
        .await;
    assert_eq!(output.code, 1);
    assert_eq!(
        output.error,
        "error: no user has the e-mail address unknown@example.com\n"
    );
    // A username that today's rules refuse may be stored.
    let output = latchkey
        .admin(&["superuser", "grant", "two words", "--yes"])
        .await;
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
    let output = latchkey
        .admin(&["superuser", "grant", &id, "--force", "--yes"])
        .await;
    assert_eq!(output.code, 1, "{output:?}");
    let by_name = latchkey
        .json(&[
            "superuser",
            "grant",
            &format!("username:{id}"),
            "--force",
            "--yes",
        ])
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
