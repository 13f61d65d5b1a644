//! What invokes functions without a request: Lambda's event source mappings and schedules, which the template defines, and
//! the schedules that functions create. A task for each polls on request, and once a second for what did not come through the
//! API.

mod checkpoint;
mod filter;
mod mapping;
mod timer;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dynoxide::Database;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};

use self::{checkpoint::Checkpoint, mapping::StreamMapping, timer::Timer};
use crate::{dynamodb::StreamWrites, lambda::Functions, scheduler::Schedules, template::Template};

/// The time between two polls that were not requested.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// The largest number of queued poll requests: more than a developer's machine has requests at once. Further ones wait.
const QUEUE_SIZE: usize = 1024;

/// Requests polls of the streams and schedules. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trigger {
    mappings: Vec<mpsc::Sender<PollRequest>>,
    schedules: mpsc::Sender<PollRequest>,
}

struct PollRequest {
    /// True if records that wait for a retry are retried now, and schedules invoked now.
    retry_now: bool,
    done: oneshot::Sender<()>,
}

impl Trigger {
    /// Waits until every record that is in the streams now is delivered, or waits for a retry, and every schedule that is
    /// due is invoked.
    pub(crate) async fn poll(&self) {
        self.request(false, false).await;
    }

    /// The same as [`poll`](Self::poll), but retries failed records now. For when the clock was advanced: retries are timed by
    /// real time.
    pub(crate) async fn poll_with_retries(&self) {
        self.request(true, false).await;
    }

    /// The same as [`poll`](Self::poll), but retries failed records and invokes all schedules now.
    pub(crate) async fn poll_and_retry(&self) {
        self.request(true, true).await;
    }

    async fn request(&self, retry_now: bool, invoke_schedules: bool) {
        let mut polls = Vec::new();
        for mapping in &self.mappings {
            polls.push(send(mapping, retry_now).await);
        }
        for poll in polls.into_iter().flatten() {
            // An error means that the server is stopping; nothing is delivered any more.
            let _ = poll.await;
        }
        // After the streams, whose records create schedules.
        if let Some(poll) = send(&self.schedules, invoke_schedules).await {
            let _ = poll.await;
        }
    }

    /// Requests a poll without waiting for it.
    pub(crate) fn poll_in_background(&self) {
        for task in self.mappings.iter().chain([&self.schedules]) {
            let (done, _) = oneshot::channel();
            // If the queue is full, the requests in it cover this one.
            let _ = task.try_send(PollRequest {
                retry_now: false,
                done,
            });
        }
    }
}

/// Sends a request to one task; `None` if the server is stopping.
async fn send(task: &mpsc::Sender<PollRequest>, retry_now: bool) -> Option<oneshot::Receiver<()>> {
    let (done, is_done) = oneshot::channel();
    let sent = task.send(PollRequest { retry_now, done }).await;
    sent.ok().map(|()| is_done)
}

/// The polling tasks, which end when this is dropped.
pub(crate) struct Pollers {
    trigger: Trigger,
    are_mappings_enabled: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Pollers {
    /// Delivers the streams of `database` to `functions` by the mappings of `template`, and invokes the targets of
    /// `schedules`. `data` is the file of the database, if there is one. A requested poll reads a stream only after a write.
    pub(crate) fn start(
        template: &Template,
        (database, writes): (&Database, &StreamWrites),
        functions: &Arc<Functions>,
        schedules: &Schedules,
        data: Option<&Path>,
    ) -> io::Result<Self> {
        let are_mappings_enabled = Arc::new(AtomicBool::new(true));
        let (mut mappings, mut tasks) = (Vec::new(), Vec::new());
        for function in &template.functions {
            for settings in &function.mappings {
                let mut mapping = StreamMapping::new(
                    &function.binary,
                    settings,
                    (database.clone(), writes.clone()),
                    Checkpoint::new(data, &settings.name),
                )
                .map_err(io::Error::other)?;
                let (sender, requests) = mpsc::channel(QUEUE_SIZE);
                mappings.push(sender);
                let (functions, is_enabled) =
                    (Arc::clone(functions), Arc::clone(&are_mappings_enabled));
                tasks.push(tokio::spawn(run(requests, async move |cause| {
                    if is_enabled.load(Ordering::SeqCst) {
                        mapping.deliver(&functions, cause).await;
                    }
                })));
            }
        }
        let (sender, requests) = mpsc::channel(QUEUE_SIZE);
        let mut timers = Vec::new();
        for function in &template.functions {
            let timer = |schedule| Timer::new(&function.binary, schedule, functions.now());
            timers.extend(function.schedules.iter().map(timer));
        }
        let (functions, schedules) = (Arc::clone(functions), schedules.clone());
        tasks.push(tokio::spawn(run(requests, async move |cause| {
            let retry_now = cause == Cause::Retry;
            schedules.invoke_targets(&functions, retry_now).await;
            for timer in &mut timers {
                timer.invoke_if_due(&functions, retry_now).await;
            }
        })));
        Ok(Self {
            trigger: Trigger {
                mappings,
                schedules: sender,
            },
            are_mappings_enabled,
            tasks,
        })
    }

    pub(crate) fn trigger(&self) -> Trigger {
        self.trigger.clone()
    }

    /// Enables or disables all mappings. The streams keep the records of disabled ones.
    pub(crate) fn enable_mappings(&self, are_enabled: bool) {
        self.are_mappings_enabled
            .store(are_enabled, Ordering::SeqCst);
    }
}

impl Drop for Pollers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The cause of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Time has passed.
    Tick,
    /// A request, after which only a write can have left something to do.
    Request,
    /// A request to retry now what waits for a retry.
    Retry,
}

/// Calls `poll` for each request, and periodically.
async fn run(mut queue: mpsc::Receiver<PollRequest>, mut poll: impl AsyncFnMut(Cause)) {
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
        let cause = if requests.iter().any(|request| request.retry_now) {
            Cause::Retry
        } else if requests.is_empty() {
            Cause::Tick
        } else {
            Cause::Request
        };
        poll(cause).await;
        for request in requests {
            // The requester may have stopped waiting.
            let _ = request.done.send(());
        }
    }
}
