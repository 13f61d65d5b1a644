//! The tables and the mailbox when nothing is in progress.

use std::collections::BTreeMap;

use local::Mail;
use serde_json::Value;

use super::world::World;

/// The maximum number of deliveries: each continues after the failures of the one before.
const DELIVERIES: usize = 20;

/// The state after a round.
pub struct Rest {
    pub users: BTreeMap<u64, Value>,
    pub markers: BTreeMap<String, u64>,
    pub transient: BTreeMap<String, Value>,
    pub keys: Vec<String>,
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
            transient = by_key(tables.all("TransientTable").await);
            if transient.values().all(|item| item["state"] != "queued") {
                break;
            }
        }
        let (mut users, mut markers) = (BTreeMap::new(), BTreeMap::new());
        for (key, item) in by_key(tables.all("UsersTable").await) {
            let id = item["id"].as_u64().unwrap();
            if key.starts_with("user#") {
                users.insert(id, item);
            } else {
                markers.insert(key, id);
            }
        }
        let mut mails = world.app.server.mails();
        mails.reverse();
        Self {
            users,
            markers,
            transient,
            keys: by_key(tables.all("KeysTable").await).into_keys().collect(),
            mails,
            now: world.app.now(),
        }
    }
}

fn by_key(items: Vec<Value>) -> BTreeMap<String, Value> {
    let items = items.into_iter();
    items
        .map(|item| (item["pk"].as_str().unwrap().to_owned(), item))
        .collect()
}
