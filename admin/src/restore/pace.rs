//! The rate of writes to a restored table: below the table's limit, and slower after DynamoDB has throttled a write.

use std::{cell::Cell, time::Duration};

use tokio::time::Instant;

/// Write units a second for a table without a limit. A new on-demand table takes 4,000.
const DEFAULT_UNITS: u64 = 2_000;
/// Share of the table's limit that is used, in percent. The rest allows for items that are larger than estimated.
const PERCENT: u64 = 80;

/// Spreads writes evenly over time.
pub(crate) struct Pace {
    time_per_unit: Duration,
    /// The earliest start of the next write.
    next: Cell<Instant>,
}

impl Pace {
    /// A pace below `max_write_units` a second.
    pub(crate) fn new(max_write_units: Option<u64>) -> Self {
        let units = max_write_units.unwrap_or(DEFAULT_UNITS).max(1);
        Self {
            time_per_unit: Duration::from_nanos(1_000_000_000 * 100 / PERCENT / units),
            next: Cell::new(Instant::now()),
        }
    }

    /// Waits until a write of `units` may be sent.
    pub(crate) async fn wait(&self, units: u32) {
        tokio::time::sleep_until(self.reserve(Instant::now(), units)).await;
    }

    /// Holds back every write that has not been sent yet, for at least `delay`.
    pub(crate) fn postpone(&self, delay: Duration) {
        self.postpone_until(Instant::now() + delay);
    }

    /// Returns the instant at which a write of `units` may be sent, and reserves the time that it takes.
    fn reserve(&self, now: Instant, units: u32) -> Instant {
        let start = self.next.get().max(now);
        self.next.set(start + self.time_per_unit * units);
        start
    }

    fn postpone_until(&self, instant: Instant) {
        self.next.set(self.next.get().max(instant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from `now` to the start of the last of `writes`.
    fn seconds_to_last(pace: &Pace, now: Instant, writes: u32, units: u32) -> f64 {
        let starts = (0..writes).map(|_| pace.reserve(now, units));
        starts.last().unwrap().duration_since(now).as_secs_f64()
    }

    #[test]
    fn writes_stay_below_the_tables_limit() {
        for (units, seconds) in [(1, 4.9..5.1), (2, 9.9..10.1)] {
            let pace = Pace::new(Some(100));
            let last = seconds_to_last(&pace, Instant::now(), 400, units);
            assert!(seconds.contains(&last), "{last}");
        }
    }

    #[test]
    fn a_throttled_write_delays_those_after_it() {
        let pace = Pace::new(None);
        let now = Instant::now();
        pace.postpone_until(now + Duration::from_secs(3));
        let last = seconds_to_last(&pace, now, 2, 1);
        assert!((3.0..3.1).contains(&last), "{last}");
    }
}
