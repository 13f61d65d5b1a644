//! Event source mappings on this machine: one task polls the streams and rings the functions that the template maps
//! to them. It polls when it is asked to, and once a second for writes from outside.

mod filter;
mod mapping;

use std::{io, sync::Arc, time::Duration};

use dynoxide::Database;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{self, MissedTickBehavior},
};

pub(crate) use self::mapping::{Position, StreamMapping};
use crate::{invocation::Functions, template::Template};

/// How often streams are looked at when nobody asks.
const PERIOD: Duration = Duration::from_secs(1);
/// More callers than a laptop has requests at once; further ones wait.
const MAX_WAITING: usize = 1024;

/// Asks the task to look at the streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bell(mpsc::Sender<Ring>);

struct Ring {
    /// Whether records that wait after a failure are tried as well.
    at_once: bool,
    done: oneshot::Sender<()>,
}

impl Bell {
    /// Waits until everything that is in the streams now was delivered, or put off because a function failed.
    pub(crate) async fn ring(&self) {
        self.send(false).await;
    }

    /// The same, and what was put off is tried again.
    pub(crate) async fn ring_at_once(&self) {
        self.send(true).await;
    }

    async fn send(&self, at_once: bool) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(Ring { at_once, done }).await.is_ok() {
            // An error means that the server is stopping: nothing will be delivered any more.
            let _ = is_done.await;
        }
    }

    /// Does not wait.
    pub(crate) fn ring_and_go_on(&self) {
        let (done, _) = oneshot::channel();
        // When so many are waiting already, one of them will do.
        let _ = self.0.try_send(Ring {
            at_once: false,
            done,
        });
    }
}

/// The task; it ends when this is dropped.
pub(crate) struct Streams {
    bell: Bell,
    task: JoinHandle<()>,
}

impl Streams {
    /// Delivers what the streams of `database` hold to `functions`, as `template` says.
    pub(crate) fn start(
        template: &Template,
        database: &Database,
        functions: &Arc<Functions>,
        position: &Position,
    ) -> io::Result<Self> {
        let mut mappings = Vec::new();
        for function in &template.functions {
            for mapping in &function.mappings {
                let mapping = StreamMapping::new(
                    &function.binary,
                    mapping,
                    database.clone(),
                    position.clone(),
                );
                mappings.push(mapping.map_err(io::Error::other)?);
            }
        }
        let (bell, rings) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(run(mappings, Arc::clone(functions), rings));
        Ok(Self {
            bell: Bell(bell),
            task,
        })
    }

    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    mut mappings: Vec<StreamMapping>,
    functions: Arc<Functions>,
    mut rings: mpsc::Receiver<Ring>,
) {
    let mut ticks = time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            _ = ticks.tick() => {}
            ring = rings.recv() => match ring {
                Some(ring) => waiting.push(ring),
                None => return,
            },
        }
        // One look serves all who asked before it.
        while let Ok(ring) = rings.try_recv() {
            waiting.push(ring);
        }
        let at_once = waiting.iter().any(|ring| ring.at_once);
        for mapping in &mut mappings {
            mapping.deliver(&functions, at_once).await;
        }
        for ring in waiting {
            // Who asked may have stopped waiting.
            let _ = ring.done.send(());
        }
    }
}
