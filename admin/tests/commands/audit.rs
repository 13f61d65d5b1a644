//! `audit`, and the record that every change leaves.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::{
    latchkey::{Latchkey, run_with},
    proxy::{self, Action},
};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/operators/ann";

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult>\
    <Arn>arn:aws:sts::123456789012:assumed-role/operators/ann</Arn>\
    <UserId>AROA123EXAMPLE:ann</UserId><Account>123456789012</Account>\
    </GetCallerIdentityResult></GetCallerIdentityResponse>";

/// Grants superuser rights to `ann` as an operator whose identity STS returns by `respond`.
async fn grant_on_aws(
    latchkey: &Latchkey,
    respond: fn(&str) -> Action,
) -> crate::latchkey::CommandOutput {
    let sts = proxy::start(String::new(), respond).await;
    let environment = [
        ("AWS_ENDPOINT_URL_STS", sts.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    // Another name of this machine, which is no loopback address.
    let port = latchkey.server.dynamodb_address().port();
    let endpoint = format!("http://0.0.0.0:{port}");
    let grant = ["superuser", "grant", "ann", "--force", "--yes"];
    run_with(
        &environment,
        &[&["--endpoint-url", &endpoint], &grant[..]].concat(),
    )
    .await
}

#[tokio::test]
async fn changes_are_listed_newest_first() {
    let latchkey = Latchkey::start().await;
    let nothing = latchkey.admin(&["audit"]).await;
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (0, "No changes found.\n")
    );
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    latchkey.json(&["limits", "clear", "bob"]).await;
    latchkey.json(&["sessions", "end", "ann", "--yes"]).await;
    // Makes the order certain although both were made within a second.
    let items = latchkey.items("AuditTable").await;
    let ended = AttributeValue::S("end_sessions".to_owned());
    let item = items.iter().find(|item| item["kind"] == ended).unwrap();
    let key = item["pk"].as_s().unwrap();
    let later = AttributeValue::N("2000000000".to_owned());
    latchkey.set("AuditTable", key, "changed_at", later).await;
    let listed = latchkey.json(&["audit"]).await;
    let kinds: Vec<_> = listed["changes"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 2);
    assert_eq!(kinds[0]["kind"], "end_sessions");
    assert_eq!(kinds[0]["user"], ann.id);
    assert_eq!(kinds[0]["changed_at"], "2033-05-18T03:33:20Z");
    assert_eq!(kinds[0]["operator"], "local");
    let of_bob = latchkey.json(&["audit", "--user", "bob"]).await;
    assert_eq!(of_bob["changes"][0]["kind"], "clear_limits");
    assert_eq!(of_bob["changes"][0]["user"], bob.id);
    assert_eq!(of_bob["changes"].as_array().unwrap().len(), 1);
    let since = ["audit", "--since", "2033-01-01"];
    let recent = latchkey.json(&since).await;
    assert_eq!(recent["changes"].as_array().unwrap().len(), 1);
    let table = latchkey.admin(&["audit"]).await;
    assert_eq!(table.out.lines().count(), 3, "{table:?}");
}

#[tokio::test]
async fn a_deleted_users_changes_are_listed_by_id() {
    let latchkey = Latchkey::start().await;
    let nothing = latchkey.json(&["audit", "--user", "id:7"]).await;
    assert_eq!(nothing["changes"], json!([]));
    let unknown = latchkey.admin(&["audit", "--user", "ann"]).await;
    assert_eq!(unknown.code, 1);
    let malformed = latchkey.admin(&["audit", "--since", "yesterday"]).await;
    assert_eq!(malformed.code, 2);
}

#[tokio::test]
async fn the_operator_is_the_aws_identity() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let granted = grant_on_aws(&latchkey, |_| Action::Respond(200, IDENTITY)).await;
    assert_eq!(granted.code, 0, "{granted:?}");
    let listed = latchkey.json(&["audit"]).await;
    assert_eq!(listed["changes"][0]["operator"], ARN);
    assert_eq!(listed["changes"][0]["kind"], "grant_superuser");
}

#[tokio::test]
async fn nothing_changes_without_a_known_operator() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let refused = grant_on_aws(&latchkey, |_| Action::Respond(403, "<Error/>")).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.error.contains("STS did not return"), "{refused:?}");
    let listed = latchkey.json(&["superuser", "list"]).await;
    assert_eq!(listed["users"], json!([]));
    assert_eq!(latchkey.json(&["audit"]).await["changes"], json!([]));
}

#[tokio::test]
async fn nothing_changes_without_a_record() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    for command in [
        &["superuser", "grant", "ann", "--force", "--yes"][..],
        &["sessions", "end", "ann", "--yes"],
        &["limits", "clear", "ann"],
        &["keys", "rotate"],
        &["user", "disable", "ann", "--yes"],
        &["user", "delete", "ann", "--yes"],
        &["user", "add-role", "ann", "orders:read", "--yes"],
        &["user", "set-email", "ann", "new@example.com", "--yes"],
        &["user", "send-reset", "ann", "--yes"],
    ] {
        let before = content(&latchkey).await;
        let unrecorded = [&["--audit-table", "Nothing"], command].concat();
        let refused = latchkey.admin(&unrecorded).await;
        assert_eq!(refused.code, 1, "{command:?}: {refused:?}");
        assert!(content(&latchkey).await == before, "{command:?}");
    }
}

/// Everything in the tables that the commands change, in a fixed order.
async fn content(latchkey: &Latchkey) -> Vec<HashMap<String, AttributeValue>> {
    let mut content = Vec::new();
    for table in ["UsersTable", "TransientTable", "CountersTable", "KeysTable"] {
        content.extend(latchkey.items(table).await);
    }
    content.sort_by_key(|item| item["pk"].as_s().unwrap().clone());
    content
}
