//! `smoke`.

use crate::{
    latchkey::{Latchkey, run},
    proxy::{self, Action},
};

#[tokio::test]
async fn smoke_passes_and_deletes_its_user() {
    let latchkey = Latchkey::with(&[], false).await;
    let output = latchkey.admin(&["smoke", &latchkey.url()]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let passed = output.out.lines().filter(|line| line.starts_with("ok "));
    assert_eq!(passed.count(), 15, "{output:?}");
    assert!(output.out.contains(" was deleted. "), "{output:?}");
    assert_eq!(latchkey.items("UsersTable").await, []);
    let mails = latchkey.server.mails();
    let resets = mails.iter().filter(|mail| mail.text.contains("#token="));
    let recipients: Vec<_> = resets.map(|mail| mail.to.concat()).collect();
    assert_eq!(recipients.len(), 1);
    assert!(
        recipients[0].starts_with("success+new-")
            && recipients[0].ends_with("@simulator.amazonses.com"),
        "{recipients:?}"
    );
    for item in latchkey.items("TransientTable").await {
        assert!(item.contains_key("expires_at"), "{item:?}");
    }
}

/// With the settings of AWS: a session token in a cookie for https.
#[tokio::test]
async fn smoke_without_tables_leaves_no_user() {
    let latchkey = Latchkey::with(&[("SESSION_COOKIE", "true")], true).await;
    let output = run(&["smoke", &latchkey.url()]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let skipped = "skip  send the reset mail: name the table";
    assert!(output.out.contains(skipped), "{output:?}");
    assert!(output.out.contains(" was deleted. "), "{output:?}");
    assert_eq!(latchkey.items("UsersTable").await, []);
}

#[tokio::test]
async fn smoke_without_tables_names_the_user_it_leaves() {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")], true).await;
    latchkey.sign_up("ann").await;
    latchkey.log_in("ann", "wrong password").await;
    let output = run(&["smoke", &latchkey.url()]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let left = "is left in the table of users: name the table";
    assert!(output.out.contains(left), "{output:?}");
    assert_eq!(latchkey.items("UsersTable").await.len(), 6);
}

#[tokio::test]
async fn smoke_stops_at_the_failed_step_and_still_cleans_up() {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")], true).await;
    latchkey.sign_up("ann").await;
    latchkey.log_in("ann", "wrong password").await;
    let output = latchkey.admin(&["smoke", &latchkey.url()]).await;
    assert_eq!(output.code, 1);
    let failed = "FAIL  log in: POST /auth/login returned 429 (too_many_requests), expected 200";
    assert!(output.out.contains(failed), "{output:?}");
    assert_eq!(latchkey.items("UsersTable").await.len(), 3, "ann's alone");
}

#[tokio::test]
async fn smoke_does_not_claim_to_have_deleted_a_user_that_never_was() {
    let latchkey = Latchkey::start().await;
    let output = latchkey.admin(&["smoke", "http://127.0.0.1:1"]).await;
    assert_eq!(output.code, 1);
    assert!(
        output
            .out
            .contains("FAIL  sign up: POST /auth/signup got no response")
            && output.out.contains("No user was created: smoke-")
            && output.out.ends_with("is not in the table UsersTable.\n"),
        "{output:?}"
    );
    let output = run(&["smoke", "http://127.0.0.1:1"]).await;
    assert!(
        output.out.contains("may have been created: name the table"),
        "{output:?}"
    );
}

#[tokio::test]
async fn smoke_deletes_its_user_if_the_response_to_the_sign_up_is_lost() {
    let latchkey = Latchkey::start().await;
    let api = proxy::start(latchkey.url(), |_| Action::LoseResponse).await;
    let output = latchkey.admin(&["smoke", &api]).await;
    assert_eq!(output.code, 1);
    assert!(
        output.out.contains("FAIL  sign up") && output.out.contains(" was deleted. "),
        "{output:?}"
    );
    assert!(
        !latchkey.items("KeysTable").await.is_empty(),
        "a sign-up took place"
    );
    assert_eq!(latchkey.items("UsersTable").await, []);
}

#[tokio::test]
async fn smoke_fails_if_the_reset_mail_is_not_sent() {
    // SES cannot be reached.
    let settings = [("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")];
    let latchkey = Latchkey::with(&settings, true).await;
    let arguments = ["smoke", &latchkey.url(), "--mail-timeout", "1"];
    let output = latchkey.admin(&arguments).await;
    assert_eq!(output.code, 1);
    let failed = "FAIL  send the reset mail: the mail is still queued after 1 second;";
    assert!(output.out.contains(failed), "{output:?}");
    assert_eq!(latchkey.items("UsersTable").await, []);
}
