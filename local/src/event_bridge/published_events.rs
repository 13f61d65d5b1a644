//! The events that were published, for the page and for tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::domain::clock::Timestamp;

use super::Entry;
use crate::template::{ACCOUNT, REGION};

/// The number of events that are kept, which bounds the memory of a server under load.
const CAPACITY: usize = 10_000;

/// An event as the targets of a rule get it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublishedEvent {
    /// The version of this envelope.
    pub version: &'static str,
    /// The id that EventBridge gives the event. An event that is published again gets another one.
    pub id: String,
    /// The kind, such as `user.created`.
    pub detail_type: String,
    /// The source of the event.
    pub source: String,
    /// The AWS account.
    pub account: &'static str,
    /// The time that the publisher stated (RFC 3339).
    pub time: String,
    /// The AWS region.
    pub region: &'static str,
    /// The resources that the publisher stated, of which there are none.
    pub resources: [String; 0],
    /// The content.
    pub detail: Map<String, Value>,
}

/// The store of published events. Cheap to clone; clones share the events.
#[derive(Clone, Default)]
pub(crate) struct PublishedEvents(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    newest_first: VecDeque<PublishedEvent>,
    received: u64,
}

impl PublishedEvents {
    /// Adds an event and returns its id.
    pub(super) fn add(&self, entry: Entry, detail: Map<String, Value>) -> String {
        let mut state = self.lock();
        state.received += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.received);
        // Whole seconds, which a float has exactly; a negative time is saturated to 0.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        let time = Timestamp::from_unix(entry.time as u64);
        state.newest_first.push_front(PublishedEvent {
            version: "0",
            id: id.clone(),
            detail_type: entry.detail_type,
            source: entry.source,
            account: ACCOUNT,
            time: time.to_string(),
            region: REGION,
            resources: [],
            detail,
        });
        state.newest_first.truncate(CAPACITY);
        id
    }

    /// Every event, newest first.
    pub(crate) fn all(&self) -> Vec<PublishedEvent> {
        self.lock().newest_first.iter().cloned().collect()
    }

    /// Deletes every event.
    pub(crate) fn clear(&self) {
        self.lock().newest_first.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
