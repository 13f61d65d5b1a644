//! `user show`.

use serde_json::json;

use crate::latchkey::Latchkey;

#[tokio::test]
async fn a_user_is_shown_without_the_hash() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let shown = latchkey.json(&["user", "show", "ANN@example.com"]).await;
    assert_eq!(shown["id"], ann.id);
    assert_eq!(shown["username"], "ann");
    assert_eq!(shown["email"], "ann@example.com");
    assert_eq!(shown["email_verified"], false);
    assert_eq!(shown["is_superuser"], false);
    assert_eq!(shown["roles"], json!([]));
    assert_eq!(shown["sessions"], 1);
    assert_eq!(shown["reserved_emails"], json!([]));
    assert_eq!(shown["waits_until"], json!({}));
    let text = latchkey.admin(&["user", "show", "ann"]).await;
    for output in [shown.to_string(), text.out] {
        assert!(!output.contains("argon2"), "{output}");
    }
    assert!(latchkey.changes().await.is_empty());
}

#[tokio::test]
async fn waits_and_reserved_addresses_are_shown() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.verify(ann.id).await;
    let change = json!({"current-password": crate::latchkey::PASSWORD, "email": "new@example.com"});
    let path = "/api/users/update_details";
    let changed = latchkey
        .call(reqwest::Method::PATCH, path, &ann.token, &change)
        .await;
    assert_eq!(changed.0, 200);
    for _ in 0..6 {
        latchkey.log_in("ann", "wrong password").await;
    }
    let shown = latchkey.json(&["user", "show", "ann"]).await;
    assert_eq!(shown["reserved_emails"][0]["email"], "ann@example.com");
    assert!(shown["waits_until"]["log_in"].is_string(), "{shown}");
    let text = latchkey.admin(&["user", "show", "ann"]).await.out;
    assert!(
        text.contains("ann@example.com until 20") && text.contains("log-in until 20"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_user_is_not_shown() {
    let latchkey = Latchkey::start().await;
    let unknown = latchkey.admin(&["user", "show", "id:7"]).await;
    assert_eq!(unknown.code, 1);
    assert_eq!(unknown.error, "error: no user has the id 7\n");
}
