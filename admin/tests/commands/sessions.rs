//! `sessions`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD};

#[tokio::test]
async fn a_user_is_signed_out_everywhere_and_a_mailed_link_is_dead() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    let (_, second) = latchkey.log_in("ann", PASSWORD).await;
    let second = second["token"].as_str().unwrap();
    let body = json!({"email": "ann@example.com"});
    let requested = latchkey.post("/api/passwords/reset_password", body).await;
    assert_eq!(requested.0, 200);
    let mail = latchkey.server.mails().remove(0);
    let (_, link) = mail.text.split_once("#token=").unwrap();
    let token = link.split_whitespace().next().unwrap();

    let output = latchkey.admin(&["sessions", "end", "ANN", "--yes"]).await;
    let expected = format!(
        "ann (id {}) has been signed out everywhere (2 sessions). The password has not changed.\n",
        ann.id
    );
    assert_eq!((output.code, output.out), (0, expected));
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(latchkey.read(ann.id, second).await, 401);
    assert_eq!(latchkey.read(bob.id, &bob.token).await, 200);
    let new = "seventeen purple submarines";
    let body = json!({"new_password": new, "password_confirmation": new, "reset_token": token});
    let completed = latchkey.post("/api/passwords/reset_password_complete", body);
    assert_eq!(completed.await.1["code"], "invalid_token");
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);

    let ended = latchkey
        .json(&["sessions", "end", "ann@example.com", "-y"])
        .await;
    assert_eq!(ended["ended"], 1);
    let unknown = latchkey
        .admin(&["sessions", "end", "unknown", "--yes"])
        .await;
    assert_eq!(unknown.code, 1);
    let ended = ("end_sessions".to_owned(), Some(ann.id));
    assert_eq!(latchkey.changes().await, [ended.clone(), ended]);
}

#[tokio::test]
async fn sessions_are_listed_newest_first() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.advance(std::time::Duration::from_secs(5));
    latchkey.log_in("ann", PASSWORD).await;
    let listed = latchkey.json(&["sessions", "list", "ann"]).await;
    assert_eq!(listed["id"], ann.id);
    let sessions = listed["sessions"].as_array().unwrap();
    let created: Vec<_> = sessions
        .iter()
        .map(|session| session["created_at"].as_str().unwrap())
        .collect();
    assert!(created.len() == 2 && created[0] > created[1], "{created:?}");
    let table = latchkey.admin(&["sessions", "list", "ann"]).await;
    assert_eq!(table.out.lines().count(), 3, "{table:?}");
    let key = format!("user#{}", ann.id);
    let empty = AttributeValue::M(std::collections::HashMap::new());
    latchkey.set("UsersTable", &key, "sessions", empty).await;
    let table = latchkey.admin(&["sessions", "list", "ann"]).await;
    assert_eq!(table.out, "The user has no session.\n");
    assert_eq!(latchkey.admin(&["sessions", "list", "bob"]).await.code, 1);
    assert!(latchkey.changes().await.is_empty());
}
