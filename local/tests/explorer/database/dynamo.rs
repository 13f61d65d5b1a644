//! The calls of the embedded DynamoDB.

use dynoxide::{
    Database, DynoxideError,
    actions::create_table::CreateTableRequest,
    types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Reply;

/// Has the database carry out a call.
pub(super) fn execute(database: &Database, operation: &str, body: &Value) -> Reply {
    match operation {
        "GetItem" => call(body, |request| database.get_item(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        _ => panic!("no function makes the call {operation}"),
    }
}

/// Creates a table whose key is `pk`.
pub(super) fn create(database: &Database, name: &str) {
    let key = "pk".to_owned();
    let request = CreateTableRequest {
        table_name: name.to_owned(),
        key_schema: vec![KeySchemaElement {
            attribute_name: key.clone(),
            key_type: KeyType::HASH,
        }],
        attribute_definitions: vec![AttributeDefinition {
            attribute_name: key,
            attribute_type: ScalarAttributeType::S,
        }],
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    };
    database.create_table(request).unwrap();
}

fn call<Input: DeserializeOwned, Output: Serialize>(
    body: &Value,
    operation: impl FnOnce(Input) -> Result<Output, DynoxideError>,
) -> Reply {
    let request = serde_json::from_value(body.clone()).unwrap();
    match operation(request) {
        Ok(response) => (200, serde_json::to_string(&response).unwrap()),
        Err(error) => (error.status_code(), error.to_json()),
    }
}
