//! The sources that this process knows to be over a limit, so that a flood of requests costs no call to DynamoDB.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{domain::clock::Timestamp, store::counters::CounterKey};

/// The time after which a counter is read again, in case an operator has reset it.
const MEMORY: Duration = Duration::from_mins(1);

/// Maximum number of remembered counters, about 100 KB.
const MAX_REMEMBERED: usize = 1_000;

/// The counters that were found over their limit.
#[derive(Default)]
pub(crate) struct Refused(Mutex<HashMap<CounterKey, Refusal>>);

struct Refusal {
    forgotten_at: Timestamp,
    window_ends_at: Timestamp,
}

impl Refused {
    /// Returns the rest of the window if the counter at `key` is known to be over its limit.
    pub(super) fn time_over_limit(&self, key: &CounterKey, now: Timestamp) -> Option<Duration> {
        let refused = self.lock();
        let refusal = refused
            .get(key)
            .filter(|refusal| now < refusal.forgotten_at)?;
        let rest = refusal.window_ends_at.seconds_since(now);
        Some(Duration::from_secs(rest))
    }

    /// Remembers that the counter at `key` is over its limit for `rest`. A full memory forgets what has expired, and
    /// remembers no more if that is nothing: such a request costs a read.
    pub(super) fn remember(&self, key: CounterKey, rest: Duration, now: Timestamp) {
        let window_ends_at = now + rest;
        let refusal = Refusal {
            forgotten_at: window_ends_at.min(now + MEMORY),
            window_ends_at,
        };
        let mut refused = self.lock();
        if refused.len() >= MAX_REMEMBERED {
            refused.retain(|_, refusal| now < refusal.forgotten_at);
        }
        if refused.len() < MAX_REMEMBERED {
            refused.insert(key, refusal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CounterKey, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn key(number: usize) -> CounterKey {
        CounterKey::new("sign_up", &number.to_string())
    }

    #[test]
    fn a_source_is_remembered_for_a_minute_at_most() {
        let refused = Refused::default();
        refused.remember(key(1), HOUR, NOW);
        refused.remember(key(2), Duration::from_secs(5), NOW);
        let rest = |number, seconds| {
            refused.time_over_limit(&key(number), NOW + Duration::from_secs(seconds))
        };
        assert_eq!(rest(1, 59), Some(Duration::from_secs(3_600 - 59)));
        assert_eq!(rest(1, 60), None);
        assert_eq!(rest(2, 4), Some(Duration::from_secs(1)));
        assert_eq!(rest(2, 5), None);
        assert_eq!(rest(3, 0), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let refused = Refused::default();
        for number in 0..=MAX_REMEMBERED {
            refused.remember(key(number), HOUR, NOW);
        }
        assert_eq!(refused.time_over_limit(&key(MAX_REMEMBERED), NOW), None);
        let later = NOW + MEMORY;
        refused.remember(key(MAX_REMEMBERED), HOUR, later);
        let remembered = refused.time_over_limit(&key(MAX_REMEMBERED), later);
        assert_eq!((remembered, refused.lock().len()), (Some(HOUR), 1));
    }
}
