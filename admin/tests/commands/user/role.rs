//! `user add-role` and `user remove-role`.

use serde_json::json;

use crate::latchkey::Latchkey;

#[tokio::test]
async fn roles_are_added_and_removed() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let add = ["user", "add-role", "ann", "orders:read", "--yes"];
    assert_eq!(latchkey.json(&add).await["changed"], true);
    assert_eq!(latchkey.json(&add).await["changed"], false);
    let shown = latchkey.json(&["user", "show", "ann"]).await;
    assert_eq!(shown["roles"], json!(["orders:read"]));
    let remove = ["user", "remove-role", "ann", "orders:read", "--yes"];
    assert_eq!(latchkey.json(&remove).await["changed"], true);
    assert_eq!(latchkey.json(&remove).await["changed"], false);
    let shown = latchkey.json(&["user", "show", "ann"]).await;
    assert_eq!(shown["roles"], json!([]));
    let changes = latchkey.changes().await;
    let expected = ["add_role", "remove_role"];
    assert_eq!(
        changes,
        expected.map(|kind| (kind.to_owned(), Some(ann.id)))
    );
    let audit = latchkey.json(&["audit"]).await;
    assert_eq!(audit["changes"][0]["detail"], "orders:read");
}

#[tokio::test]
async fn an_invalid_role_is_a_usage_error() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let invalid = ["user", "add-role", "ann", "two words", "--yes"];
    let output = latchkey.admin(&invalid).await;
    assert_eq!(output.code, 2);
    assert!(
        output.error.contains("a role may contain only"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_user_has_at_most_twenty_roles() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let roles = (0..20).map(|number| format!("role{number}")).collect();
    let roles = aws_sdk_dynamodb::types::AttributeValue::Ss(roles);
    let key = format!("user#{}", ann.id);
    latchkey.set("UsersTable", &key, "roles", roles).await;
    let add = ["user", "add-role", "ann", "another", "--yes"];
    let refused = latchkey.admin(&add).await;
    assert_eq!(refused.code, 1);
    assert!(refused.error.contains("20 roles"), "{refused:?}");
    assert!(latchkey.changes().await.is_empty());
}
