//! `mails`.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD};

const TABLE: &str = "TransientTable";

#[tokio::test]
async fn a_users_mails_are_shown_without_their_secret() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    let token = latchkey.reset_token();
    let change = json!({"current-password": PASSWORD, "password": "seventeen purple submarines"});
    let route = "/api/users/update_details";
    let (status, _) = latchkey
        .call(Method::PATCH, route, &ann.token, &change)
        .await;
    assert_eq!(status, 200);
    latchkey.sign_up("bob").await;
    latchkey.request_reset("bob@example.com").await;
    let shown = latchkey.json(&["mails", "show", "ann"]).await;
    let mut mails = shown["mails"].as_array().unwrap().clone();
    mails.sort_by_key(|mail| mail["kind"].to_string());
    let kinds: Vec<_> = mails.iter().map(|mail| &mail["kind"]).collect();
    assert_eq!(
        kinds,
        ["confirm_email", "password_changed", "reset_password"]
    );
    assert!(mails.iter().all(|mail| mail["state"] == "sent"));
    assert!(mails[2]["ses_id"].as_str().unwrap().starts_with("local-"));
    let output = latchkey.admin(&["mails", "show", "ann"]).await;
    let (_, secret) = token.split_once('-').unwrap();
    assert!(
        output.out.contains("reset link") && !output.out.contains(secret),
        "{}",
        output.out
    );
}

#[tokio::test]
async fn a_failed_mail_is_sent_after_all_and_its_link_works() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    latchkey.server.clear_mails();
    let key = format!("mail#reset_password#{}", ann.id);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    latchkey.set(TABLE, &key, "state", text("failed")).await;
    latchkey
        .set(TABLE, &key, "detail", text("MessageRejected: no"))
        .await;
    let shown = latchkey.json(&["mails", "show", "--failed"]).await;
    assert_eq!(shown["mails"][0]["reason"], "MessageRejected: no");
    let replayed = latchkey.json(&["mails", "replay", "--failed"]).await;
    assert_eq!(replayed["replayed"].as_array().unwrap().len(), 1);
    latchkey.server.drain().await;
    assert_eq!(latchkey.server.mails().len(), 1);
    let shown = latchkey.json(&["mails", "show", "ann"]).await;
    assert_eq!(shown["mails"][0]["state"], "sent");
    let again = latchkey.admin(&["mails", "replay", "--failed"]).await;
    assert_eq!(again.out, "No mail was queued again.\n");
    assert_eq!(latchkey.complete_reset(&latchkey.reset_token()).await, 201);
}

#[tokio::test]
async fn a_mail_that_waits_is_replayed() {
    // SES cannot be reached.
    let latchkey = Latchkey::with(&[("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")], true).await;
    let ann = latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    let key = format!("mail#reset_password#{}", ann.id);
    let nonce = async || {
        let items = latchkey.items(TABLE).await;
        items
            .iter()
            .find(|item| item["pk"] == AttributeValue::S(key.clone()))
            .unwrap()["nonce"]
            .clone()
    };
    let before = nonce().await;
    let fresh = latchkey.admin(&["mails", "replay", "--failed"]).await;
    assert_eq!(fresh.out, "No mail was queued again.\n");
    latchkey
        .set(
            TABLE,
            &key,
            "asked_at",
            AttributeValue::N("1000".to_owned()),
        )
        .await;
    let replayed = latchkey.admin(&["mails", "replay", "--failed"]).await;
    assert_eq!(replayed.out, "1 mail was queued again.\n");
    assert_ne!(nonce().await, before);
    // With the mail that confirms the address of the sign-up.
    let output = latchkey.admin(&["mails", "replay", "ann"]).await;
    assert_eq!(output.out, "2 mails were queued again.\n");
    let neither = latchkey.admin(&["mails", "show"]).await;
    assert_eq!(neither.code, 2);
}
