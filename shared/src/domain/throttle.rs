//! Throttling of password attempts: the number of wrong passwords for one account, and the wait that follows from it.
//! Pure arithmetic; `store` persists the state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// Time without a wrong password after which the count starts afresh.
pub const MEMORY: Duration = Duration::from_hours(24);

/// The wrong passwords for an account since the last right one.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use shared::domain::{clock::Timestamp, throttle::FailedAttempts};
///
/// let now = Timestamp::from_unix(1_000_000);
/// let max_wait = Duration::from_secs(900);
/// let first = FailedAttempts::record(None, now, 2, max_wait);
/// assert_eq!(first.retry_after(now), None);
/// let second = FailedAttempts::record(Some(&first), now, 2, max_wait);
/// assert_eq!(second.retry_after(now), Some(Duration::from_secs(2)));
/// let third = FailedAttempts::record(Some(&second), now, 2, max_wait);
/// assert_eq!(third.retry_after(now), Some(Duration::from_secs(4)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempts {
    /// The number of wrong passwords.
    #[serde(rename = "n")]
    pub count: u32,
    /// The time before which no password is verified.
    #[serde(rename = "u")]
    pub locked_until: Timestamp,
}

impl FailedAttempts {
    /// No wrong password since the last right one.
    pub const NONE: Self = Self {
        count: 0,
        locked_until: Timestamp::from_unix(0),
    };

    /// The state after one more wrong password at `now`. The wrong password with the number `free` causes a wait of
    /// 2 s, earlier ones cause none, and each later one doubles the wait, up to `max_wait` (NIST SP 800-63B-4, section
    /// 3.2.2).
    #[must_use]
    pub fn record(previous: Option<&Self>, now: Timestamp, free: u32, max_wait: Duration) -> Self {
        let recent = previous.filter(|attempts| now < attempts.locked_until + MEMORY);
        let count = recent
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

    /// The remaining wait at `now`, or `None` if there is none.
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
    fn waits_double_from_the_fifth_wrong_password() {
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
    fn a_huge_count_waits_the_maximum() {
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
    fn count_starts_afresh_after_a_day() {
        let many = FailedAttempts {
            count: 9,
            locked_until: NOW,
        };
        let later = NOW + MEMORY;
        assert_eq!(FailedAttempts::record(Some(&many), later, 5, MAX).count, 1);
    }
}
