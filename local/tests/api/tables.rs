//! A look into the tables, and a hand in them, for what no request can arrange.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use serde_json::{Map, Value};

use crate::app::TestApp;

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

    /// The record of a user who is there.
    pub async fn user(&self, id: u64) -> Value {
        self.item("UsersTable", &format!("user#{id}"))
            .await
            .unwrap()
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

    /// Takes an item away.
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

    /// Sets a text attribute of a user.
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

    /// Deletes one attribute of an item.
    pub async fn strip(&self, table: &str, key: &str, name: &str) {
        let update = self.client.update_item().table_name(table);
        let update = update.key("pk", AttributeValue::S(key.to_owned()));
        let update = update
            .update_expression("REMOVE #name")
            .expression_attribute_names("#name", name);
        update.send().await.unwrap();
    }

    /// Puts an item that is given as plain JSON.
    pub async fn put(&self, table: &str, item: &Value) {
        let AttributeValue::M(item) = attribute(item) else {
            panic!("an item is an object: {item}");
        };
        let put = self.client.put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn set_value(&self, key: &str, name: &str, value: AttributeValue) {
        let update = self.client.update_item().table_name("UsersTable");
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
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(map) => Value::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect::<Map<_, _>>(),
        ),
        other => panic!("no such attribute is stored: {other:?}"),
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
        Value::Null => panic!("no such attribute is stored"),
    }
}
