//! `restore`: users whose deletion is recorded do not come back with a backup.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::json;

use crate::{
    latchkey::{Latchkey, PASSWORD, SignedUp, run},
    proxy::{self, Action},
    restore::{RESTORED, recover, switched},
};

/// Deletes the account through the API.
async fn delete(latchkey: &Latchkey, user: &SignedUp) {
    let path = "/api/users/delete_account";
    let body = json!({"current-password": PASSWORD});
    let (status, body) = latchkey.call(Method::POST, path, &user.token, &body).await;
    assert_eq!(status, 204, "{body}");
}

/// Everything in the restored table, as text.
async fn content(latchkey: &Latchkey) -> String {
    format!("{:?}", latchkey.items(RESTORED).await)
}

async fn assert_gone(latchkey: &Latchkey, name: &str, id: u64) {
    let content = content(latchkey).await;
    for trace in [
        name.to_owned(),
        format!("{name}@example.com"),
        id.to_string(),
    ] {
        assert!(!content.contains(&trace), "{trace} in {content}");
    }
}

mod case_53_erasure {
    use super::*;

    #[tokio::test]
    async fn a_deleted_user_leaves_no_trace_in_a_restored_table() {
        let latchkey = Latchkey::start().await;
        let deleted = latchkey.sign_up("quentin").await;
        latchkey.sign_up("bob").await;
        recover(&latchkey).await;
        delete(&latchkey, &deleted).await;
        assert!(content(&latchkey).await.contains("quentin@example.com"));
        let restored = latchkey.json(&["restore", RESTORED]).await;
        assert_eq!(restored["removed"], json!([deleted.id]));
        assert_eq!(restored["prepared"], 1);
        assert_eq!(restored["valid_markers"], 2);
        assert_gone(&latchkey, "quentin", deleted.id).await;
        let after = switched(&latchkey).await;
        assert_eq!(after.read(deleted.id, &deleted.token).await, 401);
        assert_eq!(after.log_in("quentin", PASSWORD).await.0, 401);
        assert_eq!(after.log_in("bob", PASSWORD).await.0, 200);
        // Both names are free.
        after.sign_up("quentin").await;
    }

    #[tokio::test]
    async fn a_deleted_user_is_removed_whatever_state_the_item_is_in() {
        let latchkey = Latchkey::start().await;
        let deleted = latchkey.sign_up("quentin").await;
        recover(&latchkey).await;
        delete(&latchkey, &deleted).await;
        let key = format!("user#{}", deleted.id);
        let number = AttributeValue::N("1".to_owned());
        latchkey.set(RESTORED, &key, "email", number).await;
        let text = latchkey.admin(&["restore", RESTORED]).await;
        assert_eq!(text.code, 0, "{text:?}");
        let line = format!(
            "Deleted users: 1 removed, with their addresses and usernames: {}.",
            deleted.id
        );
        assert!(text.out.contains(&line), "{text:?}");
        assert!(latchkey.items(RESTORED).await.is_empty());
    }

    #[tokio::test]
    async fn nothing_is_prepared_before_every_deleted_user_is_removed() {
        let latchkey = Latchkey::start().await;
        let deleted = latchkey.sign_up("quentin").await;
        let bob = latchkey.sign_up("bob").await;
        recover(&latchkey).await;
        delete(&latchkey, &deleted).await;
        let upstream = format!("http://{}", latchkey.server.dynamodb_address());
        let is_first = AtomicBool::new(true);
        let endpoint = proxy::start(upstream, move |head| {
        let is_delete = head.contains("DynamoDB_20120810.DeleteItem");
        if is_delete && !is_first.swap(false, Ordering::SeqCst) {
            let body =
                r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"denied"}"#;
            return Action::Respond(400, body);
        }
        Action::Forward
    })
    .await;
        let failed = run(&["--endpoint-url", &endpoint, "restore", RESTORED]).await;
        assert_eq!(failed.code, 1, "{failed:?}");
        assert!(failed.error.contains("could not be removed"), "{failed:?}");
        let rest = latchkey.items(RESTORED).await;
        assert_eq!(rest.len(), 5, "one of six items was deleted");
        let is_prepared = |item: &std::collections::HashMap<String, AttributeValue>| {
            item.get("writer") == Some(&AttributeValue::S(format!("restored#{RESTORED}")))
        };
        assert!(!rest.iter().any(is_prepared));
        let again = latchkey.json(&["restore", RESTORED]).await;
        assert_eq!(again["removed"], json!([deleted.id]));
        assert_gone(&latchkey, "quentin", deleted.id).await;
        let after = switched(&latchkey).await;
        assert_eq!(after.read(bob.id, &bob.token).await, 401);
    }

    #[tokio::test]
    async fn a_name_that_another_user_has_by_now_stays_theirs() {
        let latchkey = Latchkey::start().await;
        let deleted = latchkey.sign_up("quentin").await;
        let bob = latchkey.sign_up("bob").await;
        recover(&latchkey).await;
        delete(&latchkey, &deleted).await;
        let id = AttributeValue::N(bob.id.to_string());
        latchkey
            .set(RESTORED, "email#quentin@example.com", "id", id)
            .await;
        let output = latchkey.admin(&["--json", "restore", RESTORED]).await;
        assert_eq!(output.code, 1, "the marker does not match bob's address");
        let markers = latchkey.items(RESTORED).await;
        let is_kept = |key: &str| {
            let key = AttributeValue::S(key.to_owned());
            markers.iter().any(|item| item.get("pk") == Some(&key))
        };
        assert!(is_kept("email#quentin@example.com"));
        assert!(!is_kept("username#quentin"));
    }

    #[tokio::test]
    async fn without_records_a_table_is_prepared_only_on_confirmation() {
        let latchkey = Latchkey::start().await;
        latchkey.sign_up("quentin").await;
        recover(&latchkey).await;
        let before = content(&latchkey).await;
        let table = ["--audit-table", "Missing"];
        let refused = latchkey
            .admin(&[&table[..], &["restore", RESTORED]].concat())
            .await;
        assert_eq!(refused.code, 1);
        assert!(
            refused.error.contains("add --without-deletions"),
            "{refused:?}"
        );
        assert_eq!(content(&latchkey).await.len(), before.len());
        let confirmed = ["restore", RESTORED, "--without-deletions"];
        let prepared = latchkey.json(&[&table[..], &confirmed].concat()).await;
        assert_eq!(prepared["prepared"], 1);
    }
}
