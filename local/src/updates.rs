//! Server-sent events (HTML Standard, "Server-sent events"): each change as it happens, to every open page.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Bytes, Frame},
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    time,
};

use crate::http_server::{Cut, Response};

/// The number of updates that a slow reader may be behind.
const CAPACITY: usize = 256;
/// The time after which a comment is sent, which fails if the reader is no longer there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The beginning of each stream: readers reconnect after this many milliseconds.
const START: &str = "retry: 1000\n\n";
/// The update for a reader who missed some: it must read the lists again.
const RELOAD: &str = "event: reload\ndata: null\n\n";

/// Sends updates to all readers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Updates {
    sender: broadcast::Sender<Arc<str>>,
    is_closed: watch::Sender<bool>,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(CAPACITY),
            is_closed: watch::Sender::new(false),
        }
    }
}

impl Updates {
    /// Sends an update of this kind.
    pub(crate) fn send(&self, kind: &str, data: &impl Serialize) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        match serde_json::to_string(data) {
            // An error means that the last reader has left.
            Ok(json) => drop(
                self.sender
                    .send(format!("event: {kind}\ndata: {json}\n\n").into()),
            ),
            Err(error) => tracing::warn!(%error, kind, "could not send an update to the console"),
        }
    }

    /// Ends all streams, which would otherwise delay the end of the server.
    pub(crate) fn close(&self) {
        self.is_closed.send_replace(true);
    }

    /// A response with every update from now on.
    pub(super) fn stream(&self) -> Response {
        let state = (self.sender.subscribe(), self.is_closed.subscribe());
        let updates = stream::unfold(state, async |(mut updates, mut is_closed)| {
            let text = tokio::select! {
                biased;
                _ = is_closed.wait_for(|is_closed| *is_closed) => return None,
                update = updates.recv() => match update {
                    Ok(update) => Bytes::copy_from_slice(update.as_bytes()),
                    Err(RecvError::Lagged(_)) => Bytes::from_static(RELOAD.as_bytes()),
                    Err(RecvError::Closed) => return None,
                },
                () = time::sleep(KEEP_ALIVE) => Bytes::from_static(b":\n\n"),
            };
            Some((text, (updates, is_closed)))
        });
        let start = stream::iter([Bytes::from_static(START.as_bytes())]);
        let frames = start
            .chain(updates)
            .map(|text| Ok::<_, Cut>(Frame::data(text)));
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response
    }
}
