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

impl Timestamp {
    /// Returns true if `text` is this instant in any form of RFC 3339: with a fraction, in another offset, in lower case,
    /// with a space for the `T`, or, as Java writes it, without the seconds if they are zero.
    #[must_use]
    pub fn is_written_as(self, text: &str) -> bool {
        let mut text = text.to_ascii_uppercase();
        if text.get(10..11) == Some(" ") {
            text.replace_range(10..11, "T");
        }
        if text.get(10..11) == Some("T") && matches!(text.get(16..17), Some("Z" | "+" | "-")) {
            text.insert_str(16, ":00");
        }
        let this = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        OffsetDateTime::parse(&text, &Rfc3339).is_ok_and(|parsed| Some(parsed) == this)
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
    fn an_instant_equals_all_its_forms() {
        let noon = Timestamp::from_unix(1_769_860_800);
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.000Z",
            "2026-01-31T12:00:00.000000000Z",
            "2026-01-31T12:00:00+00:00",
            "2026-01-31T12:00:00-00:00",
            "2026-01-31T12:00Z",
            "2026-01-31T13:00+01:00",
            "2026-01-31T13:00:00+01:00",
            "2026-02-01T01:45:00+13:45",
            "2026-01-31T00:00:00-12:00",
            "2026-01-31t12:00:00z",
            "2026-01-31 12:00:00+00:00",
        ] {
            assert!(noon.is_written_as(text), "{text}");
        }
        for text in [
            "",
            "2026-01-31T12:00:01Z",
            "2026-01-31T12:00:00.5Z",
            "2026-01-31T12:00:00+01:00",
            "2026-01-31T12:01Z",
            "2026-01-31T12Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00+0000",
            "2026-01-31",
            "20260131T120000Z",
            "1769860800",
            " 2026-01-31T12:00:00Z",
            "éééééééé",
        ] {
            assert!(!noon.is_written_as(text), "{text}");
        }
    }

    #[test]
    fn arithmetic_does_not_overflow() {
        let last = Timestamp::from_unix(u64::MAX);
        assert_eq!(last + Duration::from_secs(1), last);
        assert_eq!(Timestamp::from_unix(1).seconds_since(last), 0);
    }
}
