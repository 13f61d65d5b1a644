//! Lambda's event source mappings: one task polls the streams and invokes the functions that the template maps to them,
//! on request, and once a second for writes that did not come through the API.

mod checkpoint;
mod filter;
mod mapping;

use std::{io, sync::Arc, time::Duration};

use dynoxide::Database;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};

pub(crate) use self::checkpoint::Checkpoint;
use self::mapping::StreamMapping;
use crate::{lambda::Functions, template::Template};

/// The time between two polls that were not requested.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// The largest number of queued poll requests: more than a developer's machine has requests at once. Further ones wait.
const QUEUE_SIZE: usize = 1024;

/// Requests polls of the streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StreamTrigger(mpsc::Sender<PollRequest>);

struct PollRequest {
    /// True if records that wait for a retry are retried now.
    retry_now: bool,
    done: oneshot::Sender<()>,
}

impl StreamTrigger {
    /// Waits until every record that is in the streams now is delivered, or waits for a retry.
    pub(crate) async fn poll(&self) {
        self.request(false).await;
    }

    /// The same as [`poll`](Self::poll), but retries failed records now.
    pub(crate) async fn poll_and_retry(&self) {
        self.request(true).await;
    }

    async fn request(&self, retry_now: bool) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(PollRequest { retry_now, done }).await.is_ok() {
            // An error means that the server is stopping; nothing is delivered any more.
            let _ = is_done.await;
        }
    }

    /// Requests a poll without waiting for it.
    pub(crate) fn poll_in_background(&self) {
        let (done, _) = oneshot::channel();
        // If the queue is full, the requests in it cover this one.
        let _ = self.0.try_send(PollRequest {
            retry_now: false,
            done,
        });
    }
}

/// The polling task, which ends when this is dropped.
pub(crate) struct StreamPoller {
    trigger: StreamTrigger,
    task: JoinHandle<()>,
}

impl StreamPoller {
    /// Delivers the streams of `database` to `functions` by the mappings of `template`.
    pub(crate) fn start(
        template: &Template,
        database: &Database,
        functions: &Arc<Functions>,
        checkpoint: &Checkpoint,
    ) -> io::Result<Self> {
        let mut mappings = Vec::new();
        for function in &template.functions {
            for settings in &function.mappings {
                let mapping = StreamMapping::new(
                    &function.binary,
                    settings,
                    database.clone(),
                    checkpoint.clone(),
                );
                mappings.push(mapping.map_err(io::Error::other)?);
            }
        }
        let (requests, queue) = mpsc::channel(QUEUE_SIZE);
        let task = tokio::spawn(run(mappings, Arc::clone(functions), queue));
        Ok(Self {
            trigger: StreamTrigger(requests),
            task,
        })
    }

    pub(crate) fn trigger(&self) -> StreamTrigger {
        self.trigger.clone()
    }
}

impl Drop for StreamPoller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    mut mappings: Vec<StreamMapping>,
    functions: Arc<Functions>,
    mut queue: mpsc::Receiver<PollRequest>,
) {
    let mut ticks = time::interval(POLL_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut requests = Vec::new();
        tokio::select! {
            _ = ticks.tick() => {}
            request = queue.recv() => match request {
                Some(request) => requests.push(request),
                None => return,
            },
        }
        // One poll serves every request that came before it.
        while let Ok(request) = queue.try_recv() {
            requests.push(request);
        }
        let retry_now = requests.iter().any(|request| request.retry_now);
        for mapping in &mut mappings {
            mapping.deliver(&functions, retry_now).await;
        }
        for request in requests {
            // The requester may have stopped waiting.
            let _ = request.done.send(());
        }
    }
}
