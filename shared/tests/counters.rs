//! Counters in windows of time, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use shared::{
    domain::{
        clock::Timestamp,
        rate_limit::Window,
        throttle::{FailedAttempts, Recorded},
    },
    store::{
        counters::{Counted, CounterKey, Counters},
        database::Item,
    },
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const LENGTH: Duration = Duration::from_hours(1);

/// The limit of the counter.
const MAX: u32 = 2;

struct Store {
    counters: Counters,
    client: Client,
    key: CounterKey,
}

impl Store {
    async fn start() -> Self {
        let (database, client) = common::start().await;
        Self {
            counters: Counters::new(database, TABLE),
            client,
            key: CounterKey::new("log_in", "192.0.2.1"),
        }
    }

    async fn seen(&self) -> Option<Window> {
        self.counters.window(&self.key).await.unwrap()
    }

    /// Counts an event at `now` by a request that has read `seen`.
    async fn count(&self, seen: Option<Window>, now: Timestamp) -> Counted {
        let counted = self.counters.count(&self.key, seen, MAX, LENGTH, now);
        counted.await.unwrap()
    }

    /// Counts an event at `now`, and returns the window that it was counted in.
    async fn window(&self, now: Timestamp) -> Window {
        match self.count(self.seen().await, now).await {
            Counted::Within(window) => window,
            counted @ Counted::OverLimit(_) => panic!("{counted:?}"),
        }
    }

    async fn take_back(&self, window: &Window) {
        let taken_back = self.counters.take_back(&self.key, window);
        taken_back.await.unwrap();
    }

    async fn item(&self) -> Item {
        let scan = self.client.scan().table_name(TABLE).send().await.unwrap();
        scan.items.unwrap().pop().unwrap()
    }

    async fn delete(&self) {
        let key = AttributeValue::S(self.key.as_str().to_owned());
        let delete = self.client.delete_item().table_name(TABLE).key("pk", key);
        delete.send().await.unwrap();
    }
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[tokio::test]
async fn concurrent_events_do_not_exceed_the_limit() {
    let store = Store::start().await;
    store.window(NOW).await;
    let seen = store.seen().await;
    assert!(matches!(
        store.count(seen.clone(), NOW).await,
        Counted::Within(_)
    ));
    assert_eq!(store.count(seen, NOW).await, Counted::OverLimit(LENGTH));
    assert_eq!(store.seen().await.unwrap().count, MAX);
}

/// If a response is lost, an event may be taken back twice.
#[tokio::test]
async fn a_count_is_never_below_zero() {
    let store = Store::start().await;
    let window = store.window(NOW).await;
    store.take_back(&window).await;
    store.take_back(&window).await;
    assert_eq!(store.item().await.get("count"), Some(&number(0)));
}

#[tokio::test]
async fn an_event_is_taken_back_from_its_own_window() {
    let store = Store::start().await;
    let first = store.window(NOW).await;
    store.window(NOW + LENGTH).await;
    store.take_back(&first).await;
    assert_eq!(store.seen().await.unwrap().count, 1);
}

/// A request that is slower than the window tells which one it was counted in, so that it can be taken back from that.
#[tokio::test]
async fn an_event_is_counted_in_the_window_that_began_meanwhile() {
    let store = Store::start().await;
    let first = store.window(NOW).await;
    let second = store.window(NOW + LENGTH).await;
    let Counted::Within(counted) = store.count(Some(first), NOW).await else {
        panic!("over the limit");
    };
    assert_eq!((counted.ends_at, counted.count), (second.ends_at, 2));
    store.take_back(&counted).await;
    assert_eq!(store.seen().await.unwrap().count, 1);
}

/// DynamoDB deletes expired items at any time, and operators delete others.
#[tokio::test]
async fn a_deleted_counter_begins_anew() {
    let store = Store::start().await;
    store.window(NOW).await;
    let seen = store.seen().await;
    store.delete().await;
    let later = NOW + Duration::from_mins(1);
    assert!(matches!(store.count(seen, later).await, Counted::Within(_)));
    let item = store.item().await;
    assert_eq!(item.get("count"), Some(&number(1)));
    let end = number((later + LENGTH).unix());
    assert_eq!(item.get("window_ends"), Some(&end));
    assert_eq!(item.get("expires_at"), Some(&end));
}

/// A log-in that has read the count before it is cleared, or deleted by DynamoDB, counts anew.
#[tokio::test]
async fn a_cleared_count_of_wrong_passwords_is_not_restored() {
    let store = Store::start().await;
    let name = "the hash of a name";
    let after = |count| FailedAttempts {
        count,
        locked_until: NOW,
        in_a_row: count,
    };
    let record = async |seen: Option<FailedAttempts>, next: FailedAttempts| {
        let recorded = store
            .counters
            .record_unknown_name(name, seen.as_ref(), &next);
        recorded.await.unwrap()
    };
    let first = record(None, after(1)).await;
    assert!(matches!(first, Recorded::Done));
    let key = CounterKey::unknown_name(name);
    assert!(store.counters.remove(&key).await.unwrap());
    let second = record(Some(after(1)), after(2)).await;
    assert!(matches!(second, Recorded::Overtaken(None)));
    assert!(store.counters.unknown_name(name).await.unwrap().is_none());
}
