//! The events of the function, as far as they are needed, and the response to them.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use shared::store::transient::MailKey;

/// An event of the function.
pub(crate) enum Event {
    /// A batch of records from the stream.
    Records(Vec<Record>),
    /// A retry of one mail, from its schedule.
    Retry(MailRef),
}

/// The key of a mail's item, and the nonce that the item had when the mail was queued.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MailRef {
    pub(crate) key: MailKey,
    pub(crate) nonce: String,
}

#[derive(Deserialize)]
struct StreamEvent {
    #[serde(rename = "Records", deserialize_with = "deserialize_separately")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct RetryEvent {
    retry: MailRef,
}

impl Event {
    /// Parses the JSON of an event.
    pub(crate) fn parse(json: &str) -> serde_json::Result<Self> {
        match serde_json::from_str::<StreamEvent>(json) {
            Ok(event) => Ok(Self::Records(event.records)),
            Err(error) => match serde_json::from_str::<RetryEvent>(json) {
                Ok(event) => Ok(Self::Retry(event.retry)),
                Err(_) => Err(error),
            },
        }
    }
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

    /// The mail of the record; `None` if it is another item's.
    pub(crate) fn mail(&self) -> Option<MailRef> {
        let key = MailKey::from_record(self.string("/dynamodb/Keys/pk/S")?)?;
        // A mail without a nonce cannot be deserialized; reading the item reports that.
        let nonce = self
            .string("/dynamodb/NewImage/nonce/S")
            .unwrap_or_default();
        Some(MailRef {
            key,
            nonce: nonce.to_owned(),
        })
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
