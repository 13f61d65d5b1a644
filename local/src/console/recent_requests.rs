//! The latest requests to the API, without anything that may be a secret: no query, no header and no body.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::updates::Updates;

/// The number of requests that are kept.
const CAPACITY: usize = 200;

/// A request and its response.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RecentRequest {
    /// The time of the request by the server's clock (RFC 3339).
    pub(crate) time: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) milliseconds: f64,
    /// The function that responded, or `gateway`.
    pub(crate) handler: String,
}

/// The store of the latest requests. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct RecentRequests {
    newest_first: Arc<Mutex<VecDeque<RecentRequest>>>,
    updates: Updates,
}

impl RecentRequests {
    /// An empty store, which sends every new request to `updates`.
    pub(crate) fn new(updates: Updates) -> Self {
        Self {
            newest_first: Arc::default(),
            updates,
        }
    }

    pub(crate) fn add(&self, request: RecentRequest) {
        self.updates.send("request", &request);
        let mut requests = self.lock();
        requests.push_front(request);
        requests.truncate(CAPACITY);
    }

    /// The requests, newest first.
    pub(crate) fn all(&self) -> Vec<RecentRequest> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RecentRequest>> {
        self.newest_first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
