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

/// One change of an item; what of it is missing, or is not what it should be, is empty.
#[derive(Default)]
pub(crate) struct Record(Value);

/// One record that is none must not take the others with it, not even one that is no JSON to us.
fn each_by_itself<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Record>, D::Error> {
    let records = Vec::<Box<RawValue>>::deserialize(deserializer)?.into_iter();
    Ok(records
        .map(|record| Record(serde_json::from_str(record.get()).unwrap_or_default()))
        .collect())
}

impl Record {
    /// Names the record to Lambda.
    pub(crate) fn sequence_number(&self) -> &str {
        self.text("/dynamodb/SequenceNumber").unwrap_or_default()
    }

    /// The key of the item.
    pub(crate) fn key(&self) -> Option<&str> {
        self.text("/dynamodb/Keys/pk/S")
    }

    /// The nonce that the item had after the change.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.text("/dynamodb/NewImage/nonce/S")
    }

    fn text(&self, place: &str) -> Option<&str> {
        self.0.pointer(place)?.as_str()
    }
}

/// The record from which Lambda is to try again, if there is one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

impl BatchResponse {
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
            batch_item_failures: vec![BatchItemFailure { item_identifier }],
        }
    }

    /// What Lambda wants back.
    pub(crate) fn to_json(&self) -> Box<RawValue> {
        // A list of strings always serialises.
        to_raw_value(self).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}
