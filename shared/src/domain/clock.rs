//! Timestamps in whole seconds, and the clock that is passed to code that needs the current time.
//! Only `app` reads the system clock, so that tests can stop and advance time.

use std::{fmt, ops::Add, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z. Displayed as RFC 3339, in UTC, with `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The timestamp `seconds` after the Unix epoch.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The seconds since the Unix epoch, the unit of DynamoDB's TTL and of JWT's `exp` (RFC 7519, NumericDate).
    #[must_use]
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// The whole seconds from `earlier` to this timestamp, or 0 if `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .and_then(|date_time| date_time.format(&Rfc3339).ok())
            .ok_or(fmt::Error)?;
        formatter.write_str(&text)
    }
}

/// A source of the current time. Cheap to clone; all clones share the source.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that calls `now` for each reading.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_rfc_3339_in_utc() {
        assert_eq!(
            Timestamp::from_unix(1_769_860_800).to_string(),
            "2026-01-31T12:00:00Z"
        );
    }

    #[test]
    fn arithmetic_does_not_overflow() {
        let last = Timestamp::from_unix(u64::MAX);
        assert_eq!(last + Duration::from_secs(1), last);
        assert_eq!(Timestamp::from_unix(1).seconds_since(last), 0);
    }
}
