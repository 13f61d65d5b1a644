//! `restore`: a copy of the table of users, as a backup gives it, is prepared, and another Latchkey is pointed to it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};

use reqwest::Method;
use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD};

const RESTORED: &str = "RestoredTable";

/// What DynamoDB's point-in-time recovery does: a new table with the same items.
async fn recover(latchkey: &Latchkey) {
    let key = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type(KeyType::Hash);
    let attribute = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S);
    let create = latchkey.tables.create_table().table_name(RESTORED);
    let create = create
        .key_schema(key.build().unwrap())
        .attribute_definitions(attribute.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
    for item in latchkey.items("UsersTable").await {
        let put = latchkey.tables.put_item().table_name(RESTORED);
        put.set_item(Some(item)).send().await.unwrap();
    }
}

/// The stack after the switch.
async fn switched(latchkey: &Latchkey) -> Latchkey {
    let tables = format!("http://{}", latchkey.server.dynamodb_address());
    Latchkey::with(
        &[
            ("AWS_ENDPOINT_URL_DYNAMODB", tables.as_str()),
            ("USERS_TABLE", RESTORED),
        ],
        true,
    )
    .await
}

#[tokio::test]
async fn a_restored_table_has_no_sessions_and_no_live_links() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    // After the backup: the record's number moves on, and a link is made that fits the next one.
    let change = json!({"current-password": PASSWORD, "password": "seventeen purple submarines"});
    let route = "/api/users/update_details";
    latchkey
        .call(Method::PATCH, route, &ann.token, &change)
        .await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    let link = latchkey.reset_token();
    let after = switched(&latchkey).await;
    assert_eq!(
        after.read(ann.id, &ann.token).await,
        200,
        "a copy alone brings the session back"
    );
    let restored = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(
        (&restored["prepared"], &restored["right_markers"]),
        (&2.into(), &4.into())
    );
    assert_eq!(after.read(ann.id, &ann.token).await, 401);
    assert_eq!(after.complete_reset(&link).await, 400);
    assert_eq!(after.log_in("ann", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn preparing_twice_changes_nothing_and_a_table_in_use_is_left_alone() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    latchkey.json(&["restore", RESTORED]).await;
    let once = latchkey.items(RESTORED).await;
    let again = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(
        (&again["prepared"], &again["prepared_before"]),
        (&0.into(), &2.into())
    );
    assert_eq!(latchkey.items(RESTORED).await, once);
    let after = switched(&latchkey).await;
    let (_, body) = after.log_in("ann", PASSWORD).await;
    let token = body["token"].as_str().unwrap();
    let said = latchkey.admin(&["restore", RESTORED]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.error
            .contains("1 users of RestoredTable are prepared and 1 are not"),
        "{}",
        said.error
    );
    assert_eq!(after.read(ann.id, token).await, 200);
    latchkey.json(&["restore", RESTORED, "--again"]).await;
    assert_eq!(after.read(ann.id, token).await, 401);
    let in_use = latchkey.admin(&["restore", "UsersTable"]).await;
    assert_eq!(in_use.code, 1);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

#[tokio::test]
async fn markers_that_are_wrong_are_told_and_mended() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let bob = latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let delete = latchkey.tables.delete_item().table_name(RESTORED);
    delete.key("pk", text("username#ann")).send().await.unwrap();
    let number = |id: u64| AttributeValue::N(id.to_string());
    latchkey
        .set(RESTORED, "email#bob@example.com", "id", number(ann.id))
        .await;
    latchkey
        .set(RESTORED, "email#gone@example.com", "id", number(77))
        .await;
    let said = latchkey.admin(&["restore", RESTORED]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("Markers: 2 right, 0 mended, 4 wrong."),
        "{}",
        said.out
    );
    assert!(said.out.contains("username#ann is missing"), "{}", said.out);
    let mended = latchkey.json(&["restore", RESTORED, "--mend"]).await;
    assert_eq!(mended["mended"].as_array().unwrap().len(), 4);
    let right = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(right["right_markers"], 4);
    let after = switched(&latchkey).await;
    for (name, id) in [("ann", ann.id), ("bob", bob.id)] {
        let (status, body) = after.log_in(name, PASSWORD).await;
        assert_eq!((status, body["user"]["id"].as_u64()), (200, Some(id)));
    }
    assert_eq!(after.request_reset("bob@example.com").await, 200);
    assert_eq!(after.request_reset("gone@example.com").await, 404);
}
