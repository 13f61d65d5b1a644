//! The embedded DynamoDB of one explorer, with a state that every run starts from.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use dynoxide::{
    Database, DynoxideError,
    actions::create_table::CreateTableRequest,
    types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Table and key of an item.
pub type Key = (String, String);

/// Every item by its key, in DynamoDB's JSON.
pub type Items = BTreeMap<Key, Value>;

/// A response of DynamoDB: status and body.
pub type Reply = (u16, String);

/// The tables.
pub struct Tables {
    database: Database,
    /// The state that every run starts from.
    initial: RefCell<Items>,
    /// The items that may have changed since the start of the run.
    touched: RefCell<BTreeSet<Key>>,
}

impl Tables {
    /// Creates empty tables.
    pub fn new(names: &BTreeSet<String>) -> Self {
        let database = Database::memory().unwrap();
        for name in names {
            create(&database, name);
        }
        Self {
            database,
            initial: RefCell::default(),
            touched: RefCell::default(),
        }
    }

    /// Carries out a call.
    pub fn execute(&self, operation: &str, body: &Value) -> Reply {
        self.touched.borrow_mut().extend(keys(operation, body));
        let database = &self.database;
        match operation {
            "GetItem" => call(body, |request| database.get_item(request)),
            "PutItem" => call(body, |request| database.put_item(request)),
            "UpdateItem" => call(body, |request| database.update_item(request)),
            "DeleteItem" => call(body, |request| database.delete_item(request)),
            "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
            _ => panic!("no function makes the call {operation}"),
        }
    }

    /// Makes the current state the one that every run starts from.
    pub fn keep(&self) {
        *self.initial.borrow_mut() = self.current();
        self.touched.borrow_mut().clear();
    }

    /// Undoes every change since the start of the run.
    pub fn restore(&self) {
        let initial = self.initial.borrow();
        let touched = self.touched.take();
        for key in touched {
            let (operation, body) = match initial.get(&key) {
                Some(item) => ("PutItem", json!({"TableName": key.0, "Item": item})),
                None => (
                    "DeleteItem",
                    json!({"TableName": key.0, "Key": typed_key(&key)}),
                ),
            };
            let (status, body) = self.execute(operation, &body);
            assert_eq!(status, 200, "{body}");
        }
        self.touched.borrow_mut().clear();
    }

    /// The items as they were at the start of the run.
    pub fn initial(&self) -> Items {
        self.initial.borrow().clone()
    }

    /// The items as they are.
    pub fn current(&self) -> Items {
        let mut items = self.initial();
        let touched = self.touched.borrow().clone();
        for key in touched {
            let body = json!({"TableName": key.0, "Key": typed_key(&key), "ConsistentRead": true});
            let (_, body) = self.execute("GetItem", &body);
            let mut body: Value = serde_json::from_str(&body).unwrap();
            match body["Item"].take() {
                Value::Null => items.remove(&key),
                item => items.insert(key, item),
            };
        }
        items
    }
}

/// The key of every item of a call.
pub fn keys(operation: &str, body: &Value) -> Vec<Key> {
    let of = |request: &Value| {
        let key = request["Key"]["pk"]["S"].as_str();
        let key = key.or(request["Item"]["pk"]["S"].as_str()).unwrap();
        let table = request["TableName"].as_str().unwrap();
        (table.to_owned(), key.to_owned())
    };
    match operation {
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().unwrap().iter();
            writes
                .map(|write| of(write.as_object().unwrap().values().next().unwrap()))
                .collect()
        }
        _ => vec![of(body)],
    }
}

fn typed_key((_, key): &Key) -> Value {
    json!({"pk": {"S": key}})
}

fn create(database: &Database, name: &str) {
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
