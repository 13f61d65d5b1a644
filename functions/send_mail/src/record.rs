//! What Lambda hands over of a DynamoDB stream, as far as it is needed, and what it wants back.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// A batch of the stream.
#[derive(Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "Records", deserialize_with = "each_by_itself")]
    pub(crate) records: Vec<Record>,
}

/// One change of an item.
#[derive(Default, Deserialize)]
pub(crate) struct Record {
    dynamodb: Change,
}

/// One record that is none must not take the others with it: it is left empty.
fn each_by_itself<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Record>, D::Error> {
    let records = Vec::<Value>::deserialize(deserializer)?.into_iter();
    Ok(records
        .map(|record| serde_json::from_value(record).unwrap_or_default())
        .collect())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    #[serde(default)]
    keys: Attributes,
    #[serde(default)]
    new_image: Attributes,
    #[serde(default)]
    sequence_number: String,
}

/// The two attributes that matter, wherever they stand.
#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    pk: Option<Text>,
    #[serde(default)]
    nonce: Option<Text>,
}

/// An attribute, if it is a string.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S", default)]
    text: Option<String>,
}

impl Record {
    /// Names the record to Lambda.
    pub(crate) fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }

    /// The key of the item.
    pub(crate) fn key(&self) -> Option<&str> {
        self.dynamodb.keys.pk.as_ref()?.text.as_deref()
    }

    /// The nonce that the item had after the change.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.dynamodb.new_image.nonce.as_ref()?.text.as_deref()
    }
}

/// The record from which Lambda is to try again, if there is one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    /// All went well, or will never go better.
    pub(crate) const fn none() -> Self {
        Self {
            batch_item_failures: Vec::new(),
        }
    }

    /// Try again from `record` on.
    pub(crate) fn from(record: &Record) -> Self {
        let item_identifier = record.sequence_number().to_owned();
        Self {
            batch_item_failures: vec![Failure { item_identifier }],
        }
    }

    /// What Lambda wants back.
    pub(crate) fn to_json(&self) -> Box<RawValue> {
        // A list of strings always serialises.
        to_raw_value(self).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}
