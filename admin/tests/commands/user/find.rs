//! `user find` and `user list`.

use serde_json::Value;

use crate::latchkey::Latchkey;

fn usernames(listed: &Value) -> Vec<&str> {
    let users = listed["users"].as_array().unwrap().iter();
    users
        .map(|user| user["username"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn users_are_found_by_a_part_of_a_name() {
    let latchkey = Latchkey::start().await;
    for name in ["joanna", "Hannah", "bob"] {
        latchkey.sign_up(name).await;
    }
    let found = latchkey.json(&["user", "find", "ANNA"]).await;
    assert_eq!(usernames(&found), ["Hannah", "joanna"]);
    let by_address = latchkey.json(&["user", "find", "bob@EX"]).await;
    assert_eq!(usernames(&by_address), ["bob"]);
    let nothing = latchkey.admin(&["user", "find", "carol"]).await;
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (0, "No users found.\n")
    );
    assert_eq!(latchkey.admin(&["user", "find", ""]).await.code, 2);
}

#[tokio::test]
async fn a_list_says_first_what_it_costs() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    let listed = latchkey.json(&["user", "list"]).await;
    assert_eq!(usernames(&listed), ["ann", "bob"]);
    let output = latchkey.admin(&["user", "list"]).await;
    assert_eq!(output.out.lines().count(), 3, "{output:?}");
    let lines: Vec<_> = output.error.lines().collect();
    assert!(
        lines[0].starts_with("Reading UsersTable takes about"),
        "{lines:?}"
    );
    assert_eq!(*lines.last().unwrap(), "Read 6 items.");
    assert!(latchkey.changes().await.is_empty());
}
