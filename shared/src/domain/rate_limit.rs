//! Counting in windows of time: the state of a counter after each counted event. Pure arithmetic; the tables keep the
//! counters.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// The `Retry-After` of a request that lost to too many concurrent ones.
pub const CONTENTION_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Events counted in a window of time that begins with the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The number of events.
    #[serde(default)]
    pub count: u32,
    /// The end of the window. A later event starts a new one.
    #[serde(rename = "window_ends", default)]
    pub ends_at: Timestamp,
}

impl Window {
    /// Returns true if an event at `now` falls into this window.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.ends_at
    }

    /// Returns the rest of the window if it is open at `now` and `max` events were counted in it.
    #[must_use]
    pub fn time_over_limit(&self, max: u32, now: Timestamp) -> Option<Duration> {
        let is_over = self.is_open(now) && self.count >= max;
        is_over.then(|| Duration::from_secs(self.ends_at.seconds_since(now)))
    }

    /// Returns the state after one more event at `now`. A new window has this `length`.
    #[must_use]
    pub fn after_one_more(seen: Option<&Self>, now: Timestamp, length: Duration) -> Self {
        match seen {
            Some(seen) if seen.is_open(now) => Self {
                count: seen.count.saturating_add(1),
                ends_at: seen.ends_at,
            },
            _ => Self {
                count: 1,
                ends_at: now + length,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000_000);
    const LENGTH: Duration = Duration::from_hours(1);

    #[test]
    fn a_window_begins_with_its_first_event() {
        let first = Window::after_one_more(None, NOW, LENGTH);
        let later = NOW + Duration::from_mins(59);
        let second = Window::after_one_more(Some(&first), later, LENGTH);
        assert_eq!((second.count, second.ends_at), (2, NOW + LENGTH));
        let third = Window::after_one_more(Some(&second), NOW + LENGTH, LENGTH);
        assert_eq!((third.count, third.ends_at), (1, NOW + LENGTH + LENGTH));
    }

    #[test]
    fn a_limit_ends_with_the_window() {
        let window = Window {
            count: 3,
            ends_at: NOW + LENGTH,
        };
        assert_eq!(window.time_over_limit(4, NOW), None);
        assert_eq!(window.time_over_limit(3, NOW), Some(LENGTH));
        assert_eq!(window.time_over_limit(3, NOW + LENGTH), None);
    }
}
