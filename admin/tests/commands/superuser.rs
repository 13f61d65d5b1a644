//! `superuser`.

use serde_json::json;

use crate::latchkey::Latchkey;

#[tokio::test]
async fn a_superuser_may_read_others_until_revoked() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    latchkey.verify(ann.id).await;
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    let output = latchkey
        .admin(&["superuser", "grant", "Ann@example.com", "--yes"])
        .await;
    let expected = format!("ann (id {}) is now a superuser.\n", ann.id);
    assert_eq!((output.code, output.out), (0, expected));
    assert!(
        output.error.contains("ann@example.com, verified"),
        "{}",
        output.error
    );
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 200);
    // Nothing to confirm.
    let again = latchkey.json(&["superuser", "grant", "ANN"]).await;
    assert_eq!(again["changed"], false);
    let id = ann.id.to_string();
    let revoked = latchkey.json(&["superuser", "revoke", &id, "--yes"]).await;
    assert_eq!(
        (&revoked["changed"], &revoked["is_superuser"]),
        (&true.into(), &false.into())
    );
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
    let changes = latchkey.changes().await;
    let expected = ["grant_superuser", "revoke_superuser"];
    assert_eq!(
        changes,
        expected.map(|kind| (kind.to_owned(), Some(ann.id)))
    );
}

#[tokio::test]
async fn an_unverified_address_needs_force() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    let refused = latchkey
        .admin(&["superuser", "grant", "ann", "--yes"])
        .await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.error.contains("ann@example.com, not verified"),
        "{refused:?}"
    );
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    assert!(latchkey.changes().await.is_empty());
    let forced = ["superuser", "grant", "ann", "--force", "--yes"];
    assert_eq!(latchkey.json(&forced).await["changed"], true);
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 200);
}

#[tokio::test]
async fn granting_counts_as_a_change_of_the_record() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let version = async || {
        let items = latchkey.items("UsersTable").await;
        items
            .iter()
            .find_map(|item| item.get("version").cloned())
            .unwrap()
    };
    let before = version().await;
    let grant = ["superuser", "grant", "ann", "--force", "--yes"];
    latchkey.json(&grant).await;
    assert_ne!(version().await, before);
}

#[tokio::test]
async fn superusers_are_listed() {
    let latchkey = Latchkey::start().await;
    let none = latchkey.admin(&["superuser", "list"]).await;
    assert_eq!(none.out, "No users found.\n");
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    let grant = ["superuser", "grant", "ann", "--force", "--yes"];
    latchkey.json(&grant).await;
    let listed = latchkey.json(&["superuser", "list"]).await;
    let users = listed["users"].as_array().unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(
        (&users[0]["id"], &users[0]["is_superuser"]),
        (&json!(ann.id), &json!(true))
    );
}
