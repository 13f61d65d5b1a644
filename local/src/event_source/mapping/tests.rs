//! Mappings from a real stream to a function with given responses.

use std::sync::{Arc, Mutex};

use dynoxide::{actions::put_item::PutItemRequest, types::AttributeValue};
use shared::lambda::Invoke;

use super::*;
use crate::{
    dynamodb,
    template::Table,
    testing::{ManualClock, fixed_providers},
};

/// The response of the function to the keys of a batch.
type Respond = fn(&[String]) -> Value;

struct Bench {
    database: Database,
    functions: Functions,
    mapping: StreamMapping,
    writes: StreamWrites,
    batches: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(respond: Respond) -> Self {
        let clock = fixed_providers(&ManualClock::default(), 1).clock;
        let table = Table {
            name: "Items".to_owned(),
            key: vec![("pk".to_owned(), "S".to_owned())],
            ttl_attribute: None,
            stream: Some("NEW_IMAGE".to_owned()),
        };
        let writes = StreamWrites::new(std::slice::from_ref(&table));
        let database = dynamodb::open(None, &clock, &[table]).expect("a database");
        let batches: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&batches);
        let invoke: Invoke = Arc::new(move |event, _| {
            let event: Value = serde_json::from_str(event.get()).expect("JSON");
            let records = event
                .get("Records")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let keys: Vec<String> = records.iter().map(key).collect();
            seen.lock().expect("not poisoned").push(keys.join(","));
            let mut response = respond(&keys);
            replace_keys(&mut response, &records);
            Box::pin(async move { Ok(serde_json::value::to_raw_value(&response).expect("JSON")) })
        });
        let settings = EventSourceMapping {
            name: "Stream".to_owned(),
            table: "Items".to_owned(),
            batch_size: 2,
            patterns: vec![r#"{"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}"#.to_owned()],
            reports_failures: true,
        };
        let mapping = StreamMapping::new(
            "consumer",
            &settings,
            (database.clone(), writes.clone()),
            Checkpoint::new(None, "Stream"),
        )
        .expect("a mapping");
        Self {
            database,
            functions: Functions::single("consumer", Duration::from_secs(1), invoke),
            mapping,
            writes,
            batches,
        }
    }

    fn put(&self, key: &str, state: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = [
            ("pk".to_owned(), text(key)),
            ("state".to_owned(), text(state)),
        ]
        .into();
        let request = PutItemRequest {
            table_name: "Items".to_owned(),
            item,
            ..PutItemRequest::default()
        };
        self.database.put_item(request).expect("a write");
    }

    async fn deliver(&mut self, cause: Cause) -> String {
        self.batches.lock().expect("not poisoned").clear();
        self.mapping.deliver(&self.functions, cause).await;
        self.batches.lock().expect("not poisoned").join(" | ")
    }
}

fn key(record: &Value) -> String {
    record
        .pointer("/dynamodb/Keys/pk/S")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Replaces keys, by which the tests identify records, with sequence numbers.
fn replace_keys(response: &mut Value, records: &[Value]) {
    for failure in response
        .get_mut("batchItemFailures")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(record) = records
            .iter()
            .find(|record| failure.get("itemIdentifier") == Some(&json!(key(record))))
        {
            *failure = json!({ "itemIdentifier": sequence_number(record) });
        }
    }
}

fn succeed(_: &[String]) -> Value {
    json!({ "batchItemFailures": [] })
}

fn fail_c(keys: &[String]) -> Value {
    let failures: Vec<Value> = keys
        .iter()
        .filter(|key| *key == "c")
        .map(|key| json!({ "itemIdentifier": key }))
        .collect();
    json!({ "batchItemFailures": failures })
}

#[tokio::test]
async fn matching_records_are_delivered_once_in_order_and_in_batches() {
    let mut bench = Bench::new(succeed);
    for key in ["a", "b", "c"] {
        bench.put(key, "queued");
        bench.put(&format!("{key}-done"), "sent");
    }
    assert_eq!(bench.deliver(Cause::Tick).await, "a,b | c");
    assert_eq!(bench.deliver(Cause::Tick).await, "");
    bench.put("d", "queued");
    assert_eq!(bench.deliver(Cause::Tick).await, "d");
}

#[tokio::test]
async fn a_request_reads_the_stream_only_after_a_write() {
    let mut bench = Bench::new(succeed);
    bench.put("a", "queued");
    assert_eq!(bench.deliver(Cause::Request).await, "a");
    // Past the endpoint, which counts writes.
    bench.put("b", "queued");
    assert_eq!(bench.deliver(Cause::Request).await, "");
    assert_eq!(bench.deliver(Cause::Tick).await, "b");
    bench.put("c", "queued");
    bench.writes.record("PutItem", b"Items");
    assert_eq!(bench.deliver(Cause::Request).await, "c");
}

#[tokio::test]
async fn a_failed_record_is_retried_before_later_ones() {
    let mut bench = Bench::new(fail_c);
    for key in ["a", "b", "c", "d", "e"] {
        bench.put(key, "queued");
    }
    assert_eq!(bench.deliver(Cause::Tick).await, "a,b | c,d");
    assert_eq!(
        bench.deliver(Cause::Tick).await,
        "",
        "no retry before the delay is over"
    );
    assert_eq!(
        bench.deliver(Cause::Retry).await,
        "c",
        "a batch that failed as a whole is halved"
    );
}

#[tokio::test]
async fn an_unknown_identifier_fails_the_whole_batch() {
    let mut bench =
        Bench::new(|_| json!({ "batchItemFailures": [{ "itemIdentifier": "nonsense" }] }));
    bench.put("a", "queued");
    assert_eq!(bench.deliver(Cause::Tick).await, "a");
    assert_eq!(bench.deliver(Cause::Retry).await, "a");
}

#[tokio::test]
async fn an_event_has_the_documented_fields() {
    let bench = Bench::new(succeed);
    bench.put("a", "queued");
    let mut mapping = bench.mapping;
    assert_eq!(mapping.read_page().expect("a page"), 1);
    let mut event = mapping.pending.pop_front().expect("a record");
    for varying in [
        "/eventID",
        "/dynamodb/SequenceNumber",
        "/dynamodb/SizeBytes",
    ] {
        assert!(
            event
                .pointer_mut(varying)
                .is_some_and(|value| !std::mem::take(value).is_null()),
            "{varying}"
        );
    }
    assert_eq!(
        event,
        json!({
            "eventID": null,
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_769_860_800.0,
                "Keys": {"pk": {"S": "a"}},
                "NewImage": {"pk": {"S": "a"}, "state": {"S": "queued"}},
                "SequenceNumber": null,
                "SizeBytes": null,
                "StreamViewType": "NEW_IMAGE",
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/Items/stream/local",
        })
    );
}
