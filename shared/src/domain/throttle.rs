//! How wrong passwords are counted for one account, and how long the next try then has to wait.
//! Only the arithmetic: where the count is kept is the tables' business.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// Time without a wrong password after which the earlier ones are forgotten.
pub const MEMORY: Duration = Duration::from_hours(24);

/// The wrong passwords given for an account since the last right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempts {
    /// How many there were.
    #[serde(rename = "n")]
    pub count: u32,
    /// No password is looked at before this instant.
    #[serde(rename = "u")]
    pub locked_until: Timestamp,
}

impl FailedAttempts {
    /// None since the last right password.
    pub const NONE: Self = Self {
        count: 0,
        locked_until: Timestamp::from_unix(0),
    };

    /// What stands after one more wrong password at `now`: the first `free` ones cost nothing, then each doubles the
    /// wait, from 2 s up to `max_wait`. Throttling as NIST SP 800-63B-4, section 3.2.2, asks for.
    #[must_use]
    pub fn record(previous: Option<&Self>, now: Timestamp, free: u32, max_wait: Duration) -> Self {
        let remembered = previous.filter(|attempts| now < attempts.locked_until + MEMORY);
        let count = remembered
            .map_or(0, |attempts| attempts.count)
            .saturating_add(1);
        let doublings = count.saturating_add(1).saturating_sub(free);
        let wait = 1u64
            .checked_shl(doublings)
            .map_or(max_wait, Duration::from_secs)
            .min(max_wait);
        let wait = if count < free { Duration::ZERO } else { wait };
        Self {
            count,
            locked_until: now + wait,
        }
    }

    /// What is left of the wait at `now`, if anything.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let seconds = self.locked_until.seconds_since(now);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000_000);
    const MAX: Duration = Duration::from_mins(15);

    #[test]
    fn five_are_free_then_waits_double_up_to_a_quarter_of_an_hour() {
        let mut attempts = None;
        let waits: Vec<u64> = (1..=17)
            .map(|_| {
                let next = FailedAttempts::record(attempts.as_ref(), NOW, 5, MAX);
                let wait = next.retry_after(NOW).map_or(0, |wait| wait.as_secs());
                attempts = Some(next);
                wait
            })
            .collect();
        assert_eq!(
            waits,
            [
                0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900
            ]
        );
    }

    #[test]
    fn a_count_that_is_absurdly_high_still_waits_the_maximum() {
        let many = FailedAttempts {
            count: u32::MAX - 1,
            locked_until: NOW,
        };
        assert_eq!(
            FailedAttempts::record(Some(&many), NOW, 5, MAX).retry_after(NOW),
            Some(MAX)
        );
    }

    #[test]
    fn wrong_passwords_are_forgotten_a_day_after_the_last() {
        let many = FailedAttempts {
            count: 9,
            locked_until: NOW,
        };
        let later = NOW + MEMORY;
        assert_eq!(FailedAttempts::record(Some(&many), later, 5, MAX).count, 1);
    }
}
