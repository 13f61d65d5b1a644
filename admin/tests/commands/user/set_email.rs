//! `user set-email`.

use crate::latchkey::{Latchkey, PASSWORD};

async fn set(latchkey: &Latchkey, email: &str) -> serde_json::Value {
    latchkey
        .json(&["user", "set-email", "ann", email, "--yes"])
        .await
}

#[tokio::test]
async fn a_user_gets_another_address() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let set = set(&latchkey, "New@example.com").await;
    assert_eq!(set["email"], "New@example.com");
    assert_eq!(set["email_verified"], false);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    for (email, status) in [("ann@example.com", 401), ("new@example.com", 200)] {
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        assert_eq!(latchkey.post("/auth/login", body).await.0, status);
    }
    let shown = latchkey.json(&["user", "show", "new@example.com"]).await;
    assert_eq!(shown["id"], ann.id);
    // The old address is free.
    let body =
        serde_json::json!({"username": "other", "email": "ann@example.com", "password": PASSWORD});
    assert_eq!(latchkey.post("/auth/signup", body).await.0, 201);
    let changes = latchkey.changes().await;
    assert_eq!(changes, [("set_email".to_owned(), Some(ann.id))]);
}

#[tokio::test]
async fn a_verified_old_address_gets_a_notice_without_a_link() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.server.drain().await;
    latchkey.server.clear_mails();
    set(&latchkey, "new@example.com").await;
    latchkey.server.drain().await;
    assert!(latchkey.server.mails().is_empty());
    latchkey.verify(ann.id).await;
    let set = set(&latchkey, "newer@example.com").await;
    assert_eq!(set["notified"], true);
    latchkey.server.drain().await;
    let mails = latchkey.server.mails();
    let [notice] = mails.as_slice() else {
        panic!("{} mails", mails.len());
    };
    assert_eq!(notice.to, ["new@example.com"]);
    assert!(!notice.text.contains("#token="), "{}", notice.text);
}

#[tokio::test]
async fn an_outstanding_reset_link_dies() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    latchkey.server.drain().await;
    let token = latchkey.reset_token();
    set(&latchkey, "new@example.com").await;
    assert_eq!(latchkey.complete_reset(&token).await, 400);
}

#[tokio::test]
async fn a_taken_address_is_refused() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    let taken = ["user", "set-email", "ann", "BOB@example.com", "--yes"];
    let refused = latchkey.admin(&taken).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.error.contains("nothing was done"), "{refused:?}");
    let malformed = ["user", "set-email", "ann", "no address", "--yes"];
    assert_eq!(latchkey.admin(&malformed).await.code, 2);
    assert!(latchkey.changes().await.is_empty());
}

#[tokio::test]
async fn an_address_reserved_for_another_user_is_refused() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let bob = latchkey.sign_up("bob").await;
    latchkey.verify(bob.id).await;
    let change = serde_json::json!({"current-password": PASSWORD, "email": "b@example.com"});
    let path = "/api/users/update_details";
    let method = reqwest::Method::PATCH;
    assert_eq!(
        latchkey.call(method, path, &bob.token, &change).await.0,
        200
    );
    let reserved = ["user", "set-email", "ann", "bob@example.com", "--yes"];
    let refused = latchkey.admin(&reserved).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.error.contains("reserves it"), "{refused:?}");
    assert!(latchkey.changes().await.is_empty());
}

#[tokio::test]
async fn an_address_may_be_marked_as_verified() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let verify = [
        "user",
        "set-email",
        "ann",
        "ann@example.com",
        "--verified",
        "--yes",
    ];
    let verified = latchkey.json(&verify).await;
    assert_eq!(verified["email_verified"], true);
    assert_eq!(verified["changed"], true);
    // The sessions remain, since the address is the same.
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
    let again = latchkey.json(&verify).await;
    assert_eq!(again["changed"], false);
    assert_eq!(latchkey.changes().await.len(), 1);
    let moved = [
        "user",
        "set-email",
        "ann",
        "new@example.com",
        "--verified",
        "--yes",
    ];
    assert_eq!(latchkey.json(&moved).await["email_verified"], true);
}

#[tokio::test]
async fn a_pending_address_is_discarded() {
    let latchkey = Latchkey::with(&[("CONFIRM_EMAIL_CHANGE", "true")], true).await;
    let ann = latchkey.sign_up("ann").await;
    let change = serde_json::json!({"current-password": PASSWORD, "email": "pending@example.com"});
    let path = "/api/users/update_details";
    let method = reqwest::Method::PATCH;
    assert_eq!(
        latchkey.call(method, path, &ann.token, &change).await.0,
        200
    );
    let shown = latchkey.json(&["user", "show", "ann"]).await;
    assert_eq!(shown["pending_email"], "pending@example.com");
    set(&latchkey, "ann@example.com").await;
    let shown = latchkey.json(&["user", "show", "ann"]).await;
    assert_eq!(shown["pending_email"], serde_json::Value::Null);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}
