//! Mappings from a real stream to a function that does as it is told.

use std::sync::{Arc, Mutex};

use dynoxide::{actions::put_item::PutItemRequest, types::AttributeValue};
use shared::{
    domain::clock::{Clock, Timestamp},
    lambda::Invoke,
};

use super::*;
use crate::{dynamodb, template::Table};

/// What a function does with the events that it gets, given as the `n` of each record.
type Answers = fn(&[String]) -> Value;

struct Bench {
    database: Database,
    functions: Functions,
    mapping: StreamMapping,
    batches: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(answers: Answers) -> Self {
        let clock = Clock::new(|| Timestamp::from_unix(1_769_860_800));
        let table = Table {
            name: "Items".to_owned(),
            key: vec![("pk".to_owned(), "S".to_owned())],
            ttl_attribute: None,
            stream: Some("NEW_IMAGE".to_owned()),
        };
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
            let mut answer = answers(&keys);
            name_failures(&mut answer, &records);
            Box::pin(async move { serde_json::value::to_raw_value(&answer).expect("JSON") })
        });
        let mapping = Mapping {
            table: "Items".to_owned(),
            batch_size: 2,
            patterns: vec![r#"{"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}"#.to_owned()],
            reports_failures: true,
        };
        let mapping = StreamMapping::new("consumer", &mapping, database.clone(), Position(None))
            .expect("a mapping");
        Self {
            database,
            functions: Functions::only("consumer", Duration::from_secs(1), invoke),
            mapping,
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

    async fn deliver(&mut self, at_once: bool) -> String {
        self.batches.lock().expect("not poisoned").clear();
        self.mapping.deliver(&self.functions, at_once).await;
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

/// Puts sequence numbers in place of keys, which is what tests name records by.
fn name_failures(answer: &mut Value, records: &[Value]) {
    for failure in answer
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

fn all_well(_: &[String]) -> Value {
    json!({ "batchItemFailures": [] })
}

fn c_fails(keys: &[String]) -> Value {
    let failures: Vec<Value> = keys
        .iter()
        .filter(|key| *key == "c")
        .map(|key| json!({ "itemIdentifier": key }))
        .collect();
    json!({ "batchItemFailures": failures })
}

#[tokio::test]
async fn wanted_records_arrive_once_in_order_and_in_batches() {
    let mut bench = Bench::new(all_well);
    for key in ["a", "b", "c"] {
        bench.put(key, "queued");
        bench.put(&format!("{key}-done"), "sent");
    }
    assert_eq!(bench.deliver(false).await, "a,b | c");
    assert_eq!(bench.deliver(false).await, "");
    bench.put("d", "queued");
    assert_eq!(bench.deliver(false).await, "d");
}

#[tokio::test]
async fn what_follows_a_failed_record_waits_and_is_tried_again_with_it() {
    let mut bench = Bench::new(c_fails);
    for key in ["a", "b", "c", "d", "e"] {
        bench.put(key, "queued");
    }
    assert_eq!(bench.deliver(false).await, "a,b | c,d");
    assert_eq!(bench.deliver(false).await, "", "it pauses after a failure");
    assert_eq!(
        bench.deliver(true).await,
        "c",
        "a batch that failed whole is tried in halves"
    );
}

#[tokio::test]
async fn an_answer_that_names_no_record_means_the_whole_batch() {
    let mut bench =
        Bench::new(|_| json!({ "batchItemFailures": [{ "itemIdentifier": "nonsense" }] }));
    bench.put("a", "queued");
    assert_eq!(bench.deliver(false).await, "a");
    assert_eq!(bench.deliver(true).await, "a");
}

#[tokio::test]
async fn an_event_has_the_shape_that_lambda_documents() {
    let bench = Bench::new(all_well);
    bench.put("a", "queued");
    let mut mapping = bench.mapping;
    assert_eq!(mapping.take_page().expect("a page"), 1);
    let mut event = mapping.waiting.pop_front().expect("a record");
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
