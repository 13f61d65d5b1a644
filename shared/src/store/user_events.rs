//! The table of events that are not published yet. An event is written in the transaction of the change that it reports, and
//! deleted once EventBridge has it. Without the table, which is the default, changes cause no events.

use crate::{
    domain::{
        clock::Timestamp,
        user::Change,
        user_event::{EventKind, UserEvent},
        user_id::UserId,
    },
    store::database::{Database, Error, Page, Write},
};

/// The table of events.
#[derive(Clone)]
pub struct UserEvents {
    database: Database,
    /// The table; `None` if no events are published.
    table: Option<String>,
}

const EVENT: &str = "event#";

impl UserEvents {
    /// Uses the table of this name; without one, there are no events.
    #[must_use]
    pub const fn new(database: Database, table: Option<String>) -> Self {
        Self { database, table }
    }

    /// Returns writes that queue the events of `changes`, to be part of the transaction that makes them. `version` is the
    /// user's `record_version` after the change. Several changes of one kind are one event.
    pub fn of_changes(
        &self,
        changes: &[Change],
        user: UserId,
        version: u64,
        now: Timestamp,
    ) -> Result<Vec<Write>, Error> {
        let mut kinds = Vec::new();
        for kind in changes.iter().flat_map(|change| EventKind::of(*change)) {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        self.of_kinds(&kinds, user, version, now)
    }

    /// Returns writes that queue an event of each of `kinds`, to be part of the transaction that makes the change.
    pub fn of_kinds(
        &self,
        kinds: &[EventKind],
        user: UserId,
        version: u64,
        now: Timestamp,
    ) -> Result<Vec<Write>, Error> {
        let Some(table) = &self.table else {
            return Ok(Vec::new());
        };
        let write = |kind: &EventKind| {
            let event = UserEvent::new(self.database.new_write_id(), *kind, user, version, now);
            Write::put(table, &key(&event), &event, "attribute_not_exists(#pk)")
        };
        kinds.iter().map(write).collect()
    }

    /// Deletes an event that is published. Does nothing if it is deleted already.
    pub async fn remove(&self, event: &UserEvent) -> Result<(), Error> {
        let Some(table) = &self.table else {
            return Ok(());
        };
        let write = Write::delete(table, &key(event), "attribute_exists(#pk)");
        self.database.write(&write).await.map(drop)
    }

    /// Returns at most `limit` events that are not published yet, in no order, and where to go on.
    pub async fn page(&self, limit: i32, after: Option<String>) -> Result<Page<UserEvent>, Error> {
        match &self.table {
            Some(table) => self.database.scan_page(table, limit, after).await,
            None => Ok((Vec::new(), None)),
        }
    }
}

/// The key of the event's item.
fn key(event: &UserEvent) -> String {
    format!("{EVENT}{}#{}", event.user, event.id)
}
