//! `user send-reset`.

use crate::latchkey::Latchkey;

#[tokio::test]
async fn a_reset_mail_is_sent_beyond_the_quota() {
    let settings = [
        ("RESET_MAILS_PER_DAY", "1"),
        ("RESET_COOL_DOWN_SECONDS", "0"),
    ];
    let latchkey = Latchkey::with(&settings, true).await;
    let ann = latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    assert_eq!(latchkey.request_reset("ann@example.com").await, 429);
    latchkey.server.drain().await;
    latchkey.server.clear_mails();
    let sent = latchkey.json(&["user", "send-reset", "ann", "--yes"]).await;
    assert_eq!(sent["replaced_queued_mail"], false);
    latchkey.server.drain().await;
    assert_eq!(latchkey.server.mails().len(), 1);
    assert_eq!(latchkey.complete_reset(&latchkey.reset_token()).await, 201);
    let changes = latchkey.changes().await;
    assert_eq!(changes, [("send_reset".to_owned(), Some(ann.id))]);
}

#[tokio::test]
async fn the_mail_counts_in_the_quota() {
    let settings = [
        ("RESET_MAILS_PER_DAY", "1"),
        ("RESET_COOL_DOWN_SECONDS", "0"),
    ];
    let latchkey = Latchkey::with(&settings, true).await;
    latchkey.sign_up("ann").await;
    latchkey.json(&["user", "send-reset", "ann", "--yes"]).await;
    latchkey.server.drain().await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 429);
}

#[tokio::test]
async fn a_queued_mail_is_replaced() {
    // SES cannot be reached.
    let latchkey = Latchkey::with(&[("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")], true).await;
    latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    let sent = latchkey.json(&["user", "send-reset", "ann", "--yes"]).await;
    assert_eq!(sent["replaced_queued_mail"], true);
}
