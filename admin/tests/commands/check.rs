//! `check`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD};

#[tokio::test]
async fn a_sound_table_passes() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let output = latchkey.admin(&["check"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.error.starts_with("Reading UsersTable takes about "),
        "{output:?}"
    );
    assert!(
        output
            .out
            .contains("Every stored value meets today's rules"),
        "{output:?}"
    );
    let estimate = latchkey.json(&["check", "--estimate"]).await;
    assert!(estimate["read_units"].as_u64() >= Some(1), "{estimate}");
    assert!(estimate.get("users").is_none());
}

#[tokio::test]
async fn every_finding_is_listed_by_id() {
    let latchkey = Latchkey::start().await;
    let mut ids = Vec::new();
    for name in ["ann", "bob", "cat", "dan"] {
        ids.push(latchkey.sign_up(name).await.id);
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let key = |id: u64| format!("user#{id}");
    latchkey
        .set("UsersTable", &key(ids[0]), "first_name", text("a\nb"))
        .await;
    latchkey
        .set("UsersTable", &key(ids[0]), "last_name", text("\u{7}"))
        .await;
    latchkey
        .set("UsersTable", &key(ids[1]), "username", text("b b"))
        .await;
    latchkey
        .set("UsersTable", &key(ids[2]), "email", text("cat@localhost"))
        .await;
    latchkey
        .set("UsersTable", &key(ids[3]), "version", text("x"))
        .await;
    let output = latchkey.admin(&["--json", "check"]).await;
    assert_eq!(output.code, 1);
    let found: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!(found["users"], 3);
    for (name, expected) in [
        ("first_name", json!([ids[0]])),
        ("last_name", json!([ids[0]])),
        ("username", json!([ids[1]])),
        ("email", json!([ids[2]])),
        ("unreadable", json!([ids[3]])),
        ("canonical", json!([])),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    // Both markers with another name are orphaned, and the names have none.
    for name in ["missing_marker", "orphaned_marker"] {
        let mut users: Vec<_> = found[name].as_array().unwrap().clone();
        users.sort_by_key(serde_json::Value::as_u64);
        let mut expected = vec![json!(ids[1]), json!(ids[2])];
        expected.sort_by_key(serde_json::Value::as_u64);
        assert_eq!(users, expected, "{name}");
    }
    for output in [output, latchkey.admin(&["check"]).await] {
        for word in ["localhost", "example.com", "b b"] {
            assert!(
                !output.out.contains(word) && !output.error.contains(word),
                "{output:?}"
            );
        }
    }
}

/// An address whose canonical form another version of Unicode gives otherwise.
const AGED: &str = "ann@straẞe.example";

/// Signs up `ann` with the address [`AGED`] as another version of Unicode's tables would have stored it. Returns the id.
pub async fn sign_up_aged(latchkey: &Latchkey) -> u64 {
    let email = AGED;
    let body = json!({"username": "ann", "email": email, "password": PASSWORD});
    let (status, body) = latchkey.post("/auth/signup", body).await;
    assert_eq!(status, 201, "{body}");
    let id = body["user"]["id"].as_u64().unwrap();
    let items = latchkey.items("UsersTable").await;
    let user = items
        .iter()
        .find(|item| item.contains_key("email_canonical"))
        .unwrap();
    let mut form = user["email_canonical"].as_m().unwrap().clone();
    form.insert(
        "is".to_owned(),
        AttributeValue::S("ann@strasse.example".to_owned()),
    );
    let user = format!("user#{id}");
    latchkey
        .set(
            "UsersTable",
            &user,
            "email_canonical",
            AttributeValue::M(form),
        )
        .await;
    latchkey
        .set(
            "UsersTable",
            "email#ann@strasse.example",
            "id",
            AttributeValue::N(id.to_string()),
        )
        .await;
    let marker = latchkey.tables.delete_item().table_name("UsersTable");
    let key = AttributeValue::S("email#ann@xn--strae-oqa.example".to_owned());
    marker.key("pk", key).send().await.unwrap();
    id
}

#[tokio::test]
async fn a_canonical_address_of_other_tables_is_moved() {
    let latchkey = Latchkey::start().await;
    let email = AGED;
    let id = sign_up_aged(&latchkey).await;
    let log_in = async || {
        let body = json!({"email": email, "password": PASSWORD});
        latchkey.post("/auth/login", body).await.0
    };
    assert_eq!(log_in().await, 401);
    let output = latchkey.admin(&["--json", "check"]).await;
    let found: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!((output.code, &found["canonical"]), (1, &json!([id])));
    let repaired = latchkey.json(&["check", "--repair"]).await;
    assert_eq!(
        (&repaired["moved"], &repaired["canonical"]),
        (&json!([id]), &json!([]))
    );
    assert_eq!(log_in().await, 200);
    assert_eq!(latchkey.json(&["check"]).await["canonical"], json!([]));
}
