//! A clock that can be advanced: the one of a running server, by the console, and the ones of tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::domain::clock::{Clock, Timestamp};

/// The time of another clock, and the time by which it was advanced. Clones share the latter.
#[derive(Clone)]
pub(crate) struct AdjustableClock {
    base: Clock,
    advanced_by: Arc<AtomicU64>,
}

impl AdjustableClock {
    /// A clock that shows the time of `base` until it is advanced.
    pub(crate) fn new(base: Clock) -> Self {
        Self {
            base,
            advanced_by: Arc::default(),
        }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.base.now() + self.advanced_by()
    }

    /// The time by which the clock was advanced.
    pub(crate) fn advanced_by(&self) -> Duration {
        Duration::from_secs(self.advanced_by.load(Ordering::SeqCst))
    }

    /// Advances the clock by whole seconds.
    pub(crate) fn advance(&self, by: Duration) {
        self.advanced_by.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// The same clock for code that only reads it.
    pub(crate) fn reader(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }
}
