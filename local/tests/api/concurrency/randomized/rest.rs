//! The tables and the mailbox when nothing is in progress.

use std::collections::{BTreeMap, BTreeSet};

use local::Mail;
use serde_json::Value;

use super::world::World;
use crate::support::tables::{AUDIT, KEYS, TRANSIENT, USERS};

/// The maximum number of deliveries: each continues after the failures of the one before.
const DELIVERIES: usize = 20;

/// The state after a round.
pub struct Rest {
    pub users: BTreeMap<u64, Value>,
    pub markers: BTreeMap<String, u64>,
    /// The keys of the markers of disabled users.
    pub disabled_markers: BTreeSet<String>,
    pub transient: BTreeMap<String, Value>,
    pub keys: Vec<String>,
    /// The records of deletions by user.
    pub deletions: BTreeMap<u64, Value>,
    /// The records of changes by the operator.
    pub operator_changes: BTreeMap<String, Value>,
    /// Oldest first.
    pub mails: Vec<Mail>,
    pub now: u64,
}

impl Rest {
    /// Delivers every mail and reads the tables.
    pub async fn read(world: &World) -> Self {
        let tables = world.app.tables();
        let mut transient = BTreeMap::new();
        for _ in 0..DELIVERIES {
            world.app.server.drain().await;
            transient = by_key(tables.all(TRANSIENT).await);
            if transient.values().all(|item| item["state"] != "queued") {
                break;
            }
        }
        let (mut users, mut markers) = (BTreeMap::new(), BTreeMap::new());
        let mut disabled_markers = BTreeSet::new();
        for (key, item) in by_key(tables.all(USERS).await) {
            let id = item["id"].as_u64().unwrap();
            if key.starts_with("user#") {
                users.insert(id, item);
            } else {
                if item["disabled"] == true {
                    disabled_markers.insert(key.clone());
                }
                markers.insert(key, id);
            }
        }
        let (deletions, operator_changes): (BTreeMap<_, _>, BTreeMap<_, _>) =
            by_key(tables.all(AUDIT).await)
                .into_iter()
                .partition(|(key, _)| key.starts_with("deleted#"));
        let deletions = deletions.into_values();
        let mut mails = world.app.server.mails();
        mails.reverse();
        Self {
            users,
            markers,
            disabled_markers,
            transient,
            keys: by_key(tables.all(KEYS).await).into_keys().collect(),
            deletions: deletions
                .map(|record| (record["id"].as_u64().unwrap(), record))
                .collect(),
            operator_changes,
            mails,
            now: world.app.now(),
        }
    }

    /// The records of changes by the operator that are not in `old`.
    pub fn new_operator_changes(&self, old: &BTreeSet<String>) -> Vec<&Value> {
        let changes = self.operator_changes.iter();
        let new = changes.filter(|(key, _)| !old.contains(*key));
        new.map(|(_, record)| record).collect()
    }
}

fn by_key(items: Vec<Value>) -> BTreeMap<String, Value> {
    let items = items.into_iter();
    items
        .map(|item| (item["pk"].as_str().unwrap().to_owned(), item))
        .collect()
}
