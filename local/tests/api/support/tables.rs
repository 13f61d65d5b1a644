//! Direct access to the tables, for states that no request can create.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use serde_json::{Map, Value};

use super::app::{TestApp, TestUser};

pub const USERS: &str = "UsersTable";
pub const TRANSIENT: &str = "TransientTable";
pub const COUNTERS: &str = "CountersTable";
pub const KEYS: &str = "KeysTable";
pub const AUDIT: &str = "AuditTable";
pub const EVENTS: &str = "EventsTable";

/// A client of the tables that bypasses the functions.
pub struct Tables {
    client: Client,
}

impl Tables {
    pub fn of(app: &TestApp) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(format!("http://{}", app.server.dynamodb_address()))
            .build();
        Self {
            client: Client::from_conf(config),
        }
    }

    /// The client, for the store functions that `admin` uses.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The item at `key` as plain JSON.
    pub async fn item(&self, table: &str, key: &str) -> Option<Value> {
        let key = AttributeValue::S(key.to_owned());
        let got = self
            .client
            .get_item()
            .table_name(table)
            .key("pk", key)
            .send()
            .await
            .unwrap();
        got.item.map(|item| plain(&AttributeValue::M(item)))
    }

    /// The record of an existing user.
    pub async fn user(&self, id: u64) -> Value {
        self.item(USERS, &format!("user#{id}")).await.unwrap()
    }

    /// The user's record version.
    pub async fn record_version(&self, id: u64) -> u64 {
        self.user(id).await["version"].as_u64().unwrap()
    }

    /// The user's stored password hash.
    pub async fn password_hash(&self, id: u64) -> String {
        self.user(id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The number of the user's sessions.
    pub async fn session_count(&self, id: u64) -> usize {
        self.user(id).await["sessions"].as_object().unwrap().len()
    }

    /// Every item of `table` as plain JSON.
    pub async fn all(&self, table: &str) -> Vec<Value> {
        let items = self
            .client
            .scan()
            .table_name(table)
            .into_paginator()
            .items()
            .send();
        let items = items.collect::<Result<Vec<_>, _>>().await.unwrap();
        items
            .into_iter()
            .map(|item| plain(&AttributeValue::M(item)))
            .collect()
    }

    /// Every item but those of the keys table, sorted by key.
    pub async fn snapshot(&self) -> Vec<Value> {
        let mut items = self.all(USERS).await;
        items.extend(self.all(TRANSIENT).await);
        items.extend(self.all(COUNTERS).await);
        items.sort_by_key(|item| item["pk"].to_string());
        items
    }

    /// Checks that every user has both markers, that there are no other markers, and that no user has more than ten sessions.
    pub async fn check_users(&self) {
        let items = self.all(USERS).await;
        let key = |item: &Value| item["pk"].as_str().unwrap().to_owned();
        let (users, markers): (Vec<_>, Vec<_>) = items
            .iter()
            .partition(|item| key(item).starts_with("user#"));
        let (reservations, markers): (Vec<_>, Vec<_>) = markers
            .into_iter()
            .partition(|marker| marker.get("reserved_until").is_some());
        for reservation in reservations {
            let id = &reservation["id"];
            let user = users.iter().find(|user| user["id"] == *id);
            let former = user.unwrap()["former_emails"].as_array().unwrap();
            let is_its = |former: &Value| {
                format!("email#{}", former["email"].as_str().unwrap()) == key(reservation)
            };
            assert!(former.iter().any(is_its), "{reservation}");
        }
        assert_eq!(markers.len(), 2 * users.len(), "{markers:?}");
        for user in users {
            for field in ["email", "username"] {
                let marker = format!("{field}#{}", user[field].as_str().unwrap().to_lowercase());
                let found = markers.iter().find(|item| key(item) == marker);
                assert_eq!(found.map(|item| &item["id"]), Some(&user["id"]), "{marker}");
            }
            assert!(user["sessions"].as_object().unwrap().len() <= 10);
        }
    }

    /// Deletes the user's record and markers.
    pub async fn delete_user(&self, user: &TestUser) {
        for key in [
            format!("user#{}", user.id),
            format!("email#{}", user.email),
            format!("username#{}", user.username),
        ] {
            self.delete(USERS, &key).await;
        }
    }

    /// Deletes an item.
    pub async fn delete(&self, table: &str, key: &str) {
        let key = AttributeValue::S(key.to_owned());
        self.client
            .delete_item()
            .table_name(table)
            .key("pk", key)
            .send()
            .await
            .unwrap();
    }

    /// Sets a string attribute of a user.
    pub async fn set(&self, id: u64, name: &str, value: &str) {
        self.set_value(
            &format!("user#{id}"),
            name,
            AttributeValue::S(value.to_owned()),
        )
        .await;
    }

    /// Makes a user a superuser.
    pub async fn make_superuser(&self, id: u64) {
        self.set_value(
            &format!("user#{id}"),
            "is_superuser",
            AttributeValue::Bool(true),
        )
        .await;
    }

    /// Gives roles to a user, as a string set.
    pub async fn set_roles(&self, id: u64, roles: &[&str]) {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.set_value(&format!("user#{id}"), "roles", AttributeValue::Ss(roles))
            .await;
    }

    /// Removes one attribute of an item.
    pub async fn remove_attribute(&self, table: &str, key: &str, name: &str) {
        let update = self.client.update_item().table_name(table);
        let update = update.key("pk", AttributeValue::S(key.to_owned()));
        let update = update
            .update_expression("REMOVE #name")
            .expression_attribute_names("#name", name);
        update.send().await.unwrap();
    }

    /// Puts an item given as plain JSON.
    pub async fn put(&self, table: &str, item: &Value) {
        let AttributeValue::M(item) = attribute(item) else {
            panic!("not an object: {item}");
        };
        let put = self.client.put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn set_value(&self, key: &str, name: &str, value: AttributeValue) {
        let update = self.client.update_item().table_name(USERS);
        let update = update.key("pk", AttributeValue::S(key.to_owned()));
        let update = update
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name);
        update
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::from(text.clone()),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::Bool(flag) => Value::from(*flag),
        AttributeValue::Ss(texts) => texts.iter().map(|text| Value::from(text.clone())).collect(),
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(map) => Value::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect::<Map<_, _>>(),
        ),
        other => panic!("attributes of this type are not stored: {other:?}"),
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Array(list) => AttributeValue::L(list.iter().map(attribute).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
        Value::Null => panic!("null is not stored"),
    }
}
