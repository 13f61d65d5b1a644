//! The event of a DynamoDB stream, as far as it is needed, and the response to it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// A batch of stream records.
#[derive(Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "Records", deserialize_with = "deserialize_separately")]
    pub(crate) records: Vec<Record>,
}

/// The change of one item. Missing or malformed fields read as `None` or empty.
#[derive(Default)]
pub(crate) struct Record(Value);

/// Parses each record separately, so that a malformed one does not fail the batch.
fn deserialize_separately<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Record>, D::Error> {
    let records = Vec::<Box<RawValue>>::deserialize(deserializer)?.into_iter();
    Ok(records
        .map(|record| Record(serde_json::from_str(record.get()).unwrap_or_default()))
        .collect())
}

impl Record {
    /// The sequence number, which identifies the record to Lambda.
    pub(crate) fn sequence_number(&self) -> &str {
        self.string("/dynamodb/SequenceNumber").unwrap_or_default()
    }

    /// The key of the item.
    pub(crate) fn key(&self) -> Option<&str> {
        self.string("/dynamodb/Keys/pk/S")
    }

    /// The nonce that the item had after the change.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.string("/dynamodb/NewImage/nonce/S")
    }

    /// The string at a JSON pointer (RFC 6901).
    fn string(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }
}

/// The response to a batch: at most one failure, from which Lambda retries (AWS Lambda, "Reporting batch item
/// failures").
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
    /// No record needs a retry: each one succeeded or failed permanently.
    pub(crate) const fn success() -> Self {
        Self {
            batch_item_failures: Vec::new(),
        }
    }

    /// `record` and all later ones need a retry.
    pub(crate) fn retry_from(record: &Record) -> Self {
        let item_identifier = record.sequence_number().to_owned();
        Self {
            batch_item_failures: vec![BatchItemFailure { item_identifier }],
        }
    }

    /// The response as JSON.
    pub(crate) fn to_json(&self) -> Box<RawValue> {
        // A list of strings can always be serialized.
        to_raw_value(self).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}
