//! `restore`: a copy of the table of users, as a backup gives it, is prepared, and another Latchkey uses it.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    OnDemandThroughput, ScalarAttributeType,
};
use reqwest::Method;
use serde_json::json;

use crate::{
    latchkey::{Latchkey, PASSWORD, run},
    proxy::{self, Action},
};

pub const RESTORED: &str = "RestoredTable";

/// Does what DynamoDB's point-in-time recovery does: creates a new table with the same items.
pub async fn recover(latchkey: &Latchkey) {
    recover_with_limit(latchkey, None).await;
}

async fn recover_with_limit(latchkey: &Latchkey, write_units: Option<i64>) {
    let key = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type(KeyType::Hash);
    let attribute = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S);
    let limit = write_units.map(|units| {
        OnDemandThroughput::builder()
            .max_write_request_units(units)
            .build()
    });
    let create = latchkey.tables.create_table().table_name(RESTORED);
    let create = create
        .key_schema(key.build().unwrap())
        .attribute_definitions(attribute.build().unwrap())
        .set_on_demand_throughput(limit)
        .billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
    for item in latchkey.items("UsersTable").await {
        let put = latchkey.tables.put_item().table_name(RESTORED);
        put.set_item(Some(item)).send().await.unwrap();
    }
}

/// Starts a Latchkey that uses the restored table, a minute later.
pub async fn switched(latchkey: &Latchkey) -> Latchkey {
    let tables = format!("http://{}", latchkey.server.dynamodb_address());
    let settings = [
        ("AWS_ENDPOINT_URL_DYNAMODB", tables.as_str()),
        ("USERS_TABLE", RESTORED),
    ];
    let after = Latchkey::with(&settings, true).await;
    after.advance(Duration::from_mins(1));
    after
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn user_key(id: u64) -> String {
    format!("user#{id}")
}

#[tokio::test]
async fn a_restored_table_has_no_sessions_and_no_live_links() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    // After the backup the record's counters go on, and a link is sent that matches the next values.
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
        (&restored["prepared"], &restored["valid_markers"]),
        (&2.into(), &4.into())
    );
    assert_eq!(after.read(ann.id, &ann.token).await, 401);
    assert_eq!(after.complete_reset(&link).await, 400);
    assert_eq!(after.log_in("ann", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn preparing_twice_changes_nothing() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
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
}

#[tokio::test]
async fn a_table_in_use_is_refused_whatever_table_is_named() {
    let latchkey = Latchkey::start().await;
    latchkey.advance(Duration::from_mins(1));
    let ann = latchkey.sign_up("ann").await;
    let by_name = latchkey.admin(&["restore", "UsersTable"]).await;
    assert_eq!(by_name.code, 1);
    assert!(by_name.error.contains("is the table in use"), "{by_name:?}");
    let other_name = ["--users-table", "Other", "restore", "UsersTable"];
    let by_content = latchkey.admin(&other_name).await;
    assert_eq!(by_content.code, 1);
    assert!(
        by_content
            .error
            .contains("1 of its users signed up or logged in after the table was created"),
        "{by_content:?}"
    );
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

#[tokio::test]
async fn a_restored_table_that_went_into_use_is_prepared_only_on_confirmation() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    latchkey.json(&["restore", RESTORED]).await;
    let after = switched(&latchkey).await;
    let (_, body) = after.log_in("ann", PASSWORD).await;
    let token = body["token"].as_str().unwrap();
    for arguments in [
        &["restore", RESTORED][..],
        &["restore", RESTORED, "--resume"],
    ] {
        let refused = latchkey.admin(arguments).await;
        assert_eq!(refused.code, 1);
        assert!(refused.error.contains("add --in-use"), "{refused:?}");
        assert_eq!(after.read(ann.id, token).await, 200);
    }
    latchkey.json(&["restore", RESTORED, "--in-use"]).await;
    assert_eq!(after.read(ann.id, token).await, 401);
}

#[tokio::test]
async fn an_interrupted_run_is_continued_on_request() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    latchkey.json(&["restore", RESTORED]).await;
    latchkey
        .set(RESTORED, &user_key(ann.id), "writer", text("earlier"))
        .await;
    let refused = latchkey.admin(&["restore", RESTORED]).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .error
            .contains("1 users of RestoredTable are prepared and 1 are not"),
        "{refused:?}"
    );
    let resumed = latchkey.json(&["restore", RESTORED, "--resume"]).await;
    assert_eq!(
        (&resumed["prepared"], &resumed["prepared_before"]),
        (&1.into(), &1.into())
    );
}

#[tokio::test]
async fn invalid_markers_are_reported_and_repaired() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let bob = latchkey.sign_up("bob").await;
    recover(&latchkey).await;
    let delete = latchkey.tables.delete_item().table_name(RESTORED);
    delete.key("pk", text("username#ann")).send().await.unwrap();
    let number = |id: u64| AttributeValue::N(id.to_string());
    latchkey
        .set(RESTORED, "email#bob@example.com", "id", number(ann.id))
        .await;
    latchkey
        .set(RESTORED, "email#gone@example.com", "id", number(77))
        .await;
    let output = latchkey.admin(&["restore", RESTORED]).await;
    assert_eq!(output.code, 1);
    assert!(
        output
            .out
            .contains("Markers: 2 valid, 0 repaired, 4 invalid."),
        "{output:?}"
    );
    assert!(
        output.out.contains("invalid: username#ann is missing"),
        "{output:?}"
    );
    let repaired = latchkey.json(&["restore", RESTORED, "--repair"]).await;
    assert_eq!(repaired["repaired"].as_array().unwrap().len(), 4);
    let valid = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(valid["valid_markers"], 4);
    let after = switched(&latchkey).await;
    for (name, id) in [("ann", ann.id), ("bob", bob.id)] {
        let (status, body) = after.log_in(name, PASSWORD).await;
        assert_eq!((status, body["user"]["id"].as_u64()), (200, Some(id)));
    }
    assert_eq!(after.request_reset("bob@example.com").await, 200);
    assert_eq!(after.request_reset("gone@example.com").await, 404);
}

#[tokio::test]
async fn a_broken_user_is_reported_and_the_others_are_prepared() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let bob = latchkey.sign_up("bob").await;
    latchkey.sign_up("carl").await;
    recover(&latchkey).await;
    latchkey
        .set(RESTORED, &user_key(bob.id), "credentials", text("broken"))
        .await;
    let remove = latchkey.tables.update_item().table_name(RESTORED);
    let remove = remove
        .key("pk", text(&user_key(ann.id)))
        .update_expression("REMOVE credentials");
    remove.send().await.unwrap();
    let output = latchkey.admin(&["restore", RESTORED, "--repair"]).await;
    assert_eq!(output.code, 1);
    assert!(output.out.contains("Users: 2 prepared now"), "{output:?}");
    let failed = format!(
        "failed: user {} was not prepared: UpdateItem failed",
        bob.id
    );
    assert!(output.out.contains(&failed), "{output:?}");
    let invalid = format!("invalid: the item user#{} cannot be deserialized", bob.id);
    assert!(output.out.contains(&invalid), "{output:?}");
    let markers = latchkey.items(RESTORED).await;
    let has_marker = |key| markers.iter().any(|item| item["pk"] == text(key));
    assert!(
        has_marker("username#bob") && has_marker("email#bob@example.com"),
        "the markers of a broken user may be right"
    );
}

#[tokio::test]
async fn superusers_are_listed_and_known_passwords_voided() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let bob = latchkey.sign_up("bob").await;
    latchkey
        .json(&["superuser", "grant", "ann", "--force", "--yes"])
        .await;
    let file = std::env::temp_dir().join(format!("latchkey-ids-{}", bob.id));
    fs::write(&file, format!("{}\n77\n", bob.id)).unwrap();
    let path = file.to_str().unwrap();
    // Uses the current table in place of a restored one, so that its mails are sent.
    let arguments = [
        "restore",
        "UsersTable",
        "--in-use",
        "--void-passwords",
        path,
    ];
    let prepared = latchkey.json(&arguments).await;
    assert_eq!(
        prepared["superusers"],
        json!([{"id": ann.id, "username": "ann"}])
    );
    assert_eq!(prepared["voided"], json!([bob.id]));
    assert_eq!(prepared["unknown_ids"], json!([77]));
    let again = latchkey.admin(&arguments).await;
    fs::remove_file(&file).unwrap();
    assert!(
        again.out.contains("Users: 0 prepared now, 2 before.")
            && again.out.contains("Passwords: 1 voided."),
        "{again:?}"
    );
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
    assert_eq!(latchkey.log_in("bob", PASSWORD).await.0, 401);
    assert_eq!(latchkey.request_reset("bob@example.com").await, 200);
    let token = latchkey.reset_token();
    assert_eq!(latchkey.complete_reset(&token).await, 201);
    let new = "seventeen purple submarines";
    assert_eq!(latchkey.log_in("bob", new).await.0, 200);
}

#[tokio::test]
async fn a_list_of_ids_with_anything_else_is_rejected() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    recover(&latchkey).await;
    let output = latchkey
        .admin(&["restore", RESTORED, "--void-passwords", file!()])
        .await;
    assert_eq!(output.code, 1);
    let missing = latchkey
        .admin(&["restore", RESTORED, "--void-passwords", "missing"])
        .await;
    assert!(
        missing.error.contains("missing could not be read"),
        "{missing:?}"
    );
    let prepared = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(prepared["prepared_before"], 0, "nothing was done before");
}

#[tokio::test]
async fn throttled_writes_are_repeated() {
    let latchkey = Latchkey::start().await;
    for name in ["ann", "bob", "carl"] {
        latchkey.sign_up(name).await;
    }
    recover(&latchkey).await;
    let throttled = AtomicU32::new(0);
    let upstream = format!("http://{}", latchkey.server.dynamodb_address());
    let endpoint = proxy::start(upstream, move |head| {
        let is_update = head.contains("DynamoDB_20120810.UpdateItem");
        // More than the SDK itself repeats for three users.
        if is_update && throttled.fetch_add(1, Ordering::SeqCst) < 12 {
            let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#;
            return Action::Respond(400, body);
        }
        Action::Forward
    })
    .await;
    let output = run(&["--endpoint-url", &endpoint, "--json", "restore", RESTORED]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let again = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(again["prepared_before"], 3);
}

#[tokio::test]
async fn writes_keep_below_the_tables_limit() {
    let latchkey = Latchkey::start().await;
    for number in 0..9 {
        latchkey.sign_up(&format!("user{number}")).await;
    }
    // Five units a second, of which four are used: nine writes take two seconds.
    recover_with_limit(&latchkey, Some(5)).await;
    let start = tokio::time::Instant::now();
    let restored = latchkey.json(&["restore", RESTORED]).await;
    assert_eq!(restored["prepared"], 9);
    assert!(start.elapsed() >= Duration::from_millis(1900));
}
