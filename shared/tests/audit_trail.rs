//! The table of audit records, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use shared::{
    domain::{clock::Timestamp, user_id::UserId},
    store::{
        audit_trail::{
            AuditTrail, CHANGE_RETENTION, Deletion, MIN_DELETION_RETENTION, OperatorChange,
        },
        database::{Database, Item},
    },
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

struct Store {
    trail: AuditTrail,
    database: Database,
    client: Client,
}

impl Store {
    async fn start() -> Self {
        let (database, client) = common::start().await;
        Self {
            trail: AuditTrail::new(database.clone(), TABLE),
            database,
            client,
        }
    }

    async fn delete(&self, id: u64, at: Timestamp) -> bool {
        let write = self
            .trail
            .deletion(&Deletion::new(user(id), at, MIN_DELETION_RETENTION))
            .unwrap();
        self.database.transact(&[write]).await.unwrap().is_done()
    }

    async fn items(&self) -> Vec<Item> {
        let scan = self.client.scan().table_name(TABLE);
        scan.send().await.unwrap().items.unwrap()
    }
}

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::from_unix(NOW.unix() + seconds)
}

#[tokio::test]
async fn deletions_and_changes_are_listed_apart() {
    let store = Store::start().await;
    let grant = OperatorChange::new("local", "grant_superuser", Some(user(7)), NOW);
    let rotate = OperatorChange::new("local", "rotate_keys", None, later(1));
    store.trail.record_change(&grant).await.unwrap();
    store.trail.record_change(&rotate).await.unwrap();
    assert!(store.delete(9, NOW).await);
    assert!(store.delete(8, NOW).await);
    let deleted = [
        Deletion::new(user(8), NOW, MIN_DELETION_RETENTION),
        Deletion::new(user(9), NOW, MIN_DELETION_RETENTION),
    ];
    assert_eq!(store.trail.deletions().await.unwrap(), deleted);
    assert_eq!(store.trail.changes().await.unwrap(), [rotate, grant]);
}

#[tokio::test]
async fn changes_of_the_same_second_are_all_kept() {
    let store = Store::start().await;
    let change = OperatorChange::new("local", "end_sessions", Some(user(7)), NOW);
    store.trail.record_change(&change).await.unwrap();
    store.trail.record_change(&change).await.unwrap();
    assert_eq!(store.trail.changes().await.unwrap().len(), 2);
    assert_eq!(change.expires_at, NOW + CHANGE_RETENTION);
}

#[tokio::test]
async fn only_a_later_deletion_replaces_an_earlier_one() {
    let store = Store::start().await;
    assert!(store.delete(7, later(5)).await);
    assert!(!store.delete(7, NOW).await);
    assert!(store.delete(7, later(9)).await);
    let deletions = store.trail.deletions().await.unwrap();
    assert_eq!(
        deletions,
        [Deletion::new(user(7), later(9), MIN_DELETION_RETENTION)]
    );
}

#[tokio::test]
async fn a_deletion_contains_an_id_and_times_only() {
    let store = Store::start().await;
    assert!(store.delete(7, NOW).await);
    let items = store.items().await;
    let [item] = items.as_slice() else {
        panic!("{items:?}");
    };
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["deleted_at", "expires_at", "id", "pk"]);
    let days_36 = AttributeValue::N((NOW.unix() + 36 * 24 * 60 * 60).to_string());
    assert_eq!(item.get("expires_at"), Some(&days_36));
}

#[tokio::test]
async fn an_unreadable_deletion_is_an_error() {
    let store = Store::start().await;
    let put = store.client.put_item().table_name(TABLE);
    let key = AttributeValue::S("deleted#7".to_owned());
    put.item("pk", key).send().await.unwrap();
    assert!(store.trail.deletions().await.is_err());
}

#[tokio::test]
async fn every_page_is_read() {
    let store = Store::start().await;
    // DynamoDB returns at most 1 MB at once.
    let long = "x".repeat(300_000);
    for _ in 0..5 {
        let change = OperatorChange::new(&long, "end_sessions", None, NOW);
        store.trail.record_change(&change).await.unwrap();
    }
    assert_eq!(store.trail.changes().await.unwrap().len(), 5);
}
