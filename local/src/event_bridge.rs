//! EventBridge: the one operation of its API that the project uses, for the real SDK to call. It has no rules and keeps every
//! event for the console.

mod published_events;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use self::published_events::PublishedEvent;
pub(crate) use self::published_events::PublishedEvents;
use crate::http_server::{Response, json_response};

/// The header that names the operation, and its value.
const TARGET: (&str, &str) = ("x-amz-target", "AWSEvents.PutEvents");
/// The largest request in bytes (EventBridge, "Quotas").
const MAX_REQUEST: usize = 256 * 1024;
/// The largest number of entries of a request.
const MAX_ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutEvents {
    entries: Vec<Entry>,
}

/// An entry, with the fields that the project uses.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    event_bus_name: String,
    source: String,
    detail_type: String,
    time: f64,
    detail: String,
}

/// Returns true for a request to EventBridge.
pub(crate) fn serves(headers: &HeaderMap) -> bool {
    let target = headers.get(TARGET.0);
    target.is_some_and(|target| target.as_bytes().starts_with(b"AWSEvents."))
}

/// Handles one request of an SDK.
pub(crate) async fn handle(events: PublishedEvents, request: Request<Full<Bytes>>) -> Response {
    match put(&events, request).await {
        Ok(response) => json_response(StatusCode::OK, response.to_string()),
        Err((kind, message)) => {
            tracing::warn!(kind, message, "EventBridge rejected a request");
            let body = json!({ "__type": kind, "message": message });
            json_response(StatusCode::BAD_REQUEST, body.to_string())
        }
    }
}

async fn put(
    events: &PublishedEvents,
    request: Request<Full<Bytes>>,
) -> Result<Value, (&'static str, String)> {
    let target = request.headers().get(TARGET.0);
    if target.is_none_or(|target| target != TARGET.1) {
        let problem = format!("the development server does not support {target:?}");
        return Err(("UnknownOperationException", problem));
    }
    let invalid = |error: String| ("ValidationException", error);
    let body = Limited::new(request.into_body(), MAX_REQUEST)
        .collect()
        .await
        .map_err(|error| invalid(error.to_string()))?;
    let request: PutEvents = serde_json::from_slice(&body.to_bytes())
        .map_err(|error| ("SerializationException", error.to_string()))?;
    if request.entries.is_empty() || request.entries.len() > MAX_ENTRIES {
        let problem = format!("{} entries, not 1 to {MAX_ENTRIES}", request.entries.len());
        return Err(invalid(problem));
    }
    let results = request.entries.into_iter().map(|entry| add(events, entry));
    let results: Vec<_> = results.collect();
    let failed = results.iter().filter(|result| result.is_err()).count();
    let results: Vec<_> = results
        .into_iter()
        .map(|result| match result {
            Ok(id) => json!({ "EventId": id }),
            Err((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
        })
        .collect();
    Ok(json!({ "FailedEntryCount": failed, "Entries": results }))
}

/// Keeps the event of an entry and returns its id, or the code and message with which EventBridge rejects the entry.
fn add(events: &PublishedEvents, entry: Entry) -> Result<String, (&'static str, &'static str)> {
    let texts = [&entry.event_bus_name, &entry.source, &entry.detail_type];
    if texts.iter().any(|text| text.is_empty()) {
        return Err((
            "InvalidArgument",
            "bus, source and detail type are required",
        ));
    }
    let detail: Map<String, Value> = serde_json::from_str(&entry.detail)
        .map_err(|_| ("MalformedDetail", "the detail is no JSON object"))?;
    Ok(events.add(entry, detail))
}
