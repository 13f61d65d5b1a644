//! `user disable` and `user enable`.

use crate::latchkey::{Latchkey, PASSWORD};

#[tokio::test]
async fn a_disabled_user_is_locked_out_until_enabled() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let disabled = latchkey.json(&["user", "disable", "ann", "--yes"]).await;
    assert_eq!(disabled["disabled"], true);
    assert_eq!(disabled["changed"], true);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 401);
    let shown = latchkey.json(&["user", "show", "ann@example.com"]).await;
    assert!(shown["disabled_at"].as_str().unwrap().ends_with('Z'));
    let listed = latchkey.json(&["user", "list"]).await;
    assert_eq!(listed["users"][0]["is_disabled"], true);
    // Nothing to confirm.
    let again = latchkey.admin(&["user", "disable", "ann"]).await;
    let expected = format!("ann (id {}) is already disabled.\n", ann.id);
    assert_eq!((again.code, again.out), (0, expected));

    let enabled = latchkey.json(&["user", "enable", "ann", "--yes"]).await;
    assert_eq!(enabled["disabled"], false);
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
    let again = latchkey.admin(&["user", "enable", "ann"]).await;
    let expected = format!("ann (id {}) is not disabled.\n", ann.id);
    assert_eq!((again.code, again.out), (0, expected));
    let changes = latchkey.changes().await;
    let expected = ["disable", "enable"];
    assert_eq!(
        changes,
        expected.map(|kind| (kind.to_owned(), Some(ann.id)))
    );
}

#[tokio::test]
async fn a_disabled_user_gets_no_reset_mail() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    latchkey.json(&["user", "disable", "ann", "--yes"]).await;
    let refused = latchkey
        .admin(&["user", "send-reset", "ann", "--yes"])
        .await;
    assert_eq!(refused.code, 1);
    assert!(refused.error.contains("is disabled"), "{refused:?}");
    assert_eq!(latchkey.changes().await.len(), 1);
}

#[tokio::test]
async fn a_disabled_user_stays_disabled_at_a_new_address() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    latchkey.json(&["user", "disable", "ann", "--yes"]).await;
    let set = ["user", "set-email", "ann", "new@example.com", "--yes"];
    latchkey.json(&set).await;
    assert_eq!(latchkey.request_reset("new@example.com").await, 404);
    latchkey
        .json(&["user", "enable", "new@example.com", "--yes"])
        .await;
    assert_eq!(latchkey.request_reset("new@example.com").await, 200);
}
