//! Throttling of wrong passwords (NIST SP 800-63B-4, section 3.2.2): the state of an account's counter after each wrong
//! password, and the time until the next attempt. Pure arithmetic; the tables keep the counters.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// The time without a wrong password after which the waits start from the beginning.
pub const MEMORY: Duration = Duration::from_hours(24);

/// Wrong passwords in a row after which only a password reset unlocks the account (NIST SP 800-63B-4, section 3.2.2).
pub const MAX_IN_A_ROW: u32 = 100;

/// The time without a wrong password after which a row of them ends. Also the length of the lock after
/// [`MAX_IN_A_ROW`].
pub const ROW_MEMORY: Duration = Duration::from_hours(30 * 24);

/// The counters of wrong passwords that a user has. They are separate, so that a stranger who guesses at log-in cannot
/// keep the signed-in owner from changing the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCounter {
    /// Wrong passwords at log-in, where anyone can try.
    LogIn,
    /// Wrong values of `current-password`, where only a signed-in caller can try.
    CurrentPassword,
}

/// The wrong passwords given since the last right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempts {
    /// The number that decides on the next wait.
    #[serde(rename = "n")]
    pub count: u32,
    /// The instant before which no further attempt is allowed.
    #[serde(rename = "u")]
    pub locked_until: Timestamp,
    /// The number in a row, however far apart. Missing in items of version 0.1.0.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub in_a_row: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The outcome of recording a wrong password.
#[derive(Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was recorded.
    Done,
    /// Another request changed the counter first. Carries its current value.
    Overtaken(Option<FailedAttempts>),
    /// The password, the address or the state of the account changed since the password was verified, or the
    /// account was deleted. Nothing was recorded.
    Outdated,
}

impl FailedAttempts {
    /// Returns the state after one more wrong password at `now`.
    ///
    /// The first `free` attempts cause no wait; each further one doubles it, from 2 s up to `max_wait`. After
    /// [`MAX_IN_A_ROW`] the account is locked for [`ROW_MEMORY`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use shared::domain::{clock::Timestamp, throttle::FailedAttempts};
    ///
    /// let now = Timestamp::from_unix(1_769_860_800);
    /// let mut attempts = None;
    /// for _ in 0..5 {
    ///     attempts = Some(FailedAttempts::record(attempts.as_ref(), now, 5, Duration::from_mins(15)));
    /// }
    /// let wait = attempts.and_then(|attempts| attempts.retry_after(now));
    /// assert_eq!(wait, Some(Duration::from_secs(2)));
    /// ```
    #[must_use]
    pub fn record(previous: Option<&Self>, now: Timestamp, free: u32, max_wait: Duration) -> Self {
        let within = |memory| previous.filter(|attempts| now < attempts.locked_until + memory);
        let count = within(MEMORY).map_or(0, |attempts| attempts.count);
        let count = count.saturating_add(1);
        let in_a_row =
            within(ROW_MEMORY).map_or(0, |attempts| attempts.in_a_row.max(attempts.count));
        let in_a_row = in_a_row.saturating_add(1);
        let wait = if in_a_row >= MAX_IN_A_ROW {
            ROW_MEMORY
        } else if count < free {
            Duration::ZERO
        } else {
            let doublings = (count - free).saturating_add(1);
            1u64.checked_shl(doublings)
                .map_or(max_wait, Duration::from_secs)
                .min(max_wait)
        };
        Self {
            count,
            locked_until: now + wait,
            in_a_row,
        }
    }

    /// Returns the time until the next attempt is allowed, if it is not allowed at `now`.
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

    fn many(count: u32, in_a_row: u32) -> FailedAttempts {
        FailedAttempts {
            count,
            locked_until: NOW,
            in_a_row,
        }
    }

    #[test]
    fn waits_double_after_five_free_attempts() {
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
        let next = FailedAttempts::record(Some(&many(u32::MAX - 1, 0)), NOW + MEMORY / 2, 5, MAX);
        assert_eq!(next.retry_after(NOW + MEMORY / 2), Some(ROW_MEMORY));
        let next = FailedAttempts::record(Some(&many(98, 98)), NOW, 5, MAX);
        assert_eq!(next.retry_after(NOW), Some(MAX));
    }

    #[test]
    fn the_waits_start_anew_a_day_after_the_last_attempt() {
        let next = FailedAttempts::record(Some(&many(9, 9)), NOW + MEMORY, 5, MAX);
        assert_eq!((next.count, next.in_a_row), (1, 10));
    }

    #[test]
    fn a_hundred_in_a_row_lock_the_account_for_thirty_days() {
        let next = FailedAttempts::record(Some(&many(3, 99)), NOW, 5, MAX);
        assert_eq!(next.retry_after(NOW), Some(ROW_MEMORY));
        let after = next.locked_until + ROW_MEMORY;
        let next = FailedAttempts::record(Some(&next), after, 5, MAX);
        assert_eq!((next.count, next.in_a_row), (1, 1));
    }

    #[test]
    fn an_item_of_version_0_1_0_counts_in_a_row_from_its_count() {
        let old: FailedAttempts = serde_json::from_str(r#"{"n": 7, "u": 1000000}"#).unwrap();
        let next = FailedAttempts::record(Some(&old), NOW, 5, MAX);
        assert_eq!(next.in_a_row, 8);
    }
}
