//! The events that invoke the function.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};
use shared::domain::user_event::UserEvent;

/// An event that invokes the function.
pub(crate) enum Event {
    /// A batch of records from the stream.
    Records(Vec<Record>),
    /// The event of the schedule.
    Sweep,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Known {
    Stream {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    Schedule {
        #[serde(rename = "sweep")]
        _sweep: IgnoredAny,
    },
}

impl Event {
    /// Parses the JSON of an event.
    pub(crate) fn parse(json: &str) -> serde_json::Result<Self> {
        Ok(match serde_json::from_str(json)? {
            Known::Stream { records } => Self::Records(records),
            Known::Schedule { .. } => Self::Sweep,
        })
    }
}

/// The change of one item, whatever it contains.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Record(Value);

impl Record {
    /// Returns the event in the record.
    pub(crate) fn user_event(&self) -> serde_json::Result<UserEvent> {
        let image = self.0.pointer("/dynamodb/NewImage");
        let attributes = image.and_then(Value::as_object).into_iter().flatten();
        let plain: Map<String, Value> = attributes
            .filter_map(|(name, typed)| Some((name.clone(), plain(typed)?)))
            .collect();
        serde_json::from_value(Value::Object(plain))
    }
}

/// The value of a string or a number in DynamoDB's JSON; `None` for other types, which no event has.
fn plain(typed: &Value) -> Option<Value> {
    if let Some(text) = typed.get("S") {
        return Some(text.clone());
    }
    let number = typed.get("N")?.as_str()?;
    serde_json::from_str(number).ok()
}
