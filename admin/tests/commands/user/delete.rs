//! `user delete`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::{
    latchkey::{Latchkey, PASSWORD},
    restore::{RESTORED, recover},
};

#[tokio::test]
async fn a_deleted_user_is_gone_and_the_names_are_free() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    latchkey.server.drain().await;
    latchkey.server.clear_mails();
    let deleted = latchkey.json(&["user", "delete", "ann", "--yes"]).await;
    assert_eq!(deleted["id"], ann.id);
    assert_eq!(deleted["notified"], false);
    latchkey.server.drain().await;
    assert!(latchkey.server.mails().is_empty());
    assert!(latchkey.items("UsersTable").await.is_empty());
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 401);
    let again = latchkey.admin(&["user", "delete", "ann", "--yes"]).await;
    assert_eq!(again.code, 1);
    latchkey.sign_up("ann").await;
    let of_deleted = ["audit", "--user", &format!("id:{}", ann.id)];
    let changes = latchkey.json(&of_deleted).await;
    assert_eq!(changes["changes"].as_array().unwrap().len(), 1);
    assert_eq!(changes["changes"][0]["kind"], "delete");
}

#[tokio::test]
async fn a_verified_address_gets_a_notice_and_former_ones_become_free() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.verify(ann.id).await;
    let change = json!({"current-password": PASSWORD, "email": "new@example.com"});
    let path = "/api/users/update_details";
    let method = reqwest::Method::PATCH;
    assert_eq!(
        latchkey.call(method, path, &ann.token, &change).await.0,
        200
    );
    latchkey.verify(ann.id).await;
    latchkey.server.drain().await;
    latchkey.server.clear_mails();
    let deleted = latchkey.json(&["user", "delete", "ann", "--yes"]).await;
    assert_eq!(deleted["notified"], true);
    latchkey.server.drain().await;
    let mails = latchkey.server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["new@example.com"]);
    assert!(latchkey.items("UsersTable").await.is_empty());
}

#[tokio::test]
async fn a_backup_does_not_bring_a_deleted_user_back() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    recover(&latchkey).await;
    latchkey.json(&["user", "delete", "ann", "--yes"]).await;
    let restored = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(restored["removed"], json!([ann.id]));
    assert!(latchkey.items(RESTORED).await.is_empty());
}

#[tokio::test]
async fn a_user_whose_markers_do_not_match_is_not_deleted() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let other = AttributeValue::N("7".to_owned());
    latchkey
        .set("UsersTable", "email#ann@example.com", "id", other)
        .await;
    let refused = latchkey.admin(&["user", "delete", "ann", "--yes"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.error.contains("nothing was done"), "{refused:?}");
    assert_eq!(latchkey.items("UsersTable").await.len(), 3);
    assert!(latchkey.changes().await.is_empty());
}
