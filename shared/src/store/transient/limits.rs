//! Counters of wrong passwords for unknown names, and of requests by source address.

use std::time::Duration;

use serde::Deserialize;

use super::Transient;
use crate::{
    domain::{
        clock::Timestamp,
        throttle::{FailedAttempts, ROW_MEMORY, Recorded},
    },
    store::database::{Error, Write, read},
};

/// Wrong passwords for a name that no user has, counted like those of a user.
#[derive(Deserialize)]
struct UnknownName {
    #[serde(default)]
    failures: Option<FailedAttempts>,
}

/// The number of requests of one source address in the current hour. Missing attributes count as zero.
#[derive(Deserialize)]
struct Count {
    #[serde(default)]
    count: u32,
    #[serde(default)]
    window_ends: Timestamp,
}

/// The window in which the requests of one source address are counted.
const HOUR: Duration = Duration::from_hours(1);

impl Transient {
    /// Returns the wrong passwords for a name that no user has.
    pub async fn unknown_name(&self, name_hash: &str) -> Result<Option<FailedAttempts>, Error> {
        let key = unknown_key(name_hash);
        let item: Option<UnknownName> = self.database.get(&self.table, &key).await?;
        Ok(item.and_then(|item| item.failures))
    }

    /// Stores `next`, the state after one more wrong password, if the counter still has the value `seen`. Otherwise
    /// writes nothing and returns its current value.
    pub async fn record_unknown_name(
        &self,
        name_hash: &str,
        seen: Option<&FailedAttempts>,
        next: &FailedAttempts,
    ) -> Result<Recorded, Error> {
        let condition = match seen {
            // An expired counter may be deleted at any moment.
            Some(_) => {
                "attribute_not_exists(#pk) OR (#failures.#n = :seen_count AND #failures.#u = :seen_lock)"
            }
            None => "attribute_not_exists(#failures)",
        };
        let expression = "SET #failures = :next, #expires_at = :expires_at";
        let mut write = Write::update(&self.table, &unknown_key(name_hash), expression, condition)
            .value("next", next)?
            .value("expires_at", next.locked_until + ROW_MEMORY)?;
        if let Some(seen) = seen {
            write = write
                .value("seen_count", seen.count)?
                .value("seen_lock", seen.locked_until)?;
        }
        let outcome = self.database.write(&write).await?;
        Ok(match outcome.current_item() {
            Some(item) => Recorded::Overtaken(read::<UnknownName>(item)?.failures),
            None => Recorded::Done,
        })
    }

    /// Counts one more request by `source` under `limit`, in the hour that began with the first one. Returns the rest of
    /// that hour if there were `max` of them already.
    pub async fn count(
        &self,
        limit: &str,
        source: &str,
        max: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Error> {
        let key = limit_key(limit, source);
        // Most addresses occur once an hour: that takes this one write.
        let is_new = "attribute_not_exists(#window_ends) OR #window_ends <= :now";
        let start = "SET #count = :one, #window_ends = :ends, #expires_at = :ends";
        let start = Write::update(&self.table, &key, start, is_new)
            .value("one", 1)?
            .value("ends", now + HOUR)?
            .value("now", now)?;
        if self.database.write(&start).await?.is_done() {
            return Ok(None);
        }
        let is_below = "#window_ends > :now AND #count < :max";
        let add = Write::update(&self.table, &key, "SET #count = #count + :one", is_below)
            .value("one", 1)?
            .value("now", now)?
            .value("max", max)?;
        match self.database.write(&add).await?.current_item() {
            Some(item) => Ok(read::<Count>(item)?.time_left(max, now)),
            None => Ok(None),
        }
    }

    /// Returns the rest of the hour if `source` made `max` requests under `limit` already. Counts nothing.
    pub async fn time_over_limit(
        &self,
        limit: &str,
        source: &str,
        max: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Error> {
        let key = limit_key(limit, source);
        let count: Option<Count> = self.database.get(&self.table, &key).await?;
        Ok(count.and_then(|count| count.time_left(max, now)))
    }
}

impl Count {
    fn time_left(&self, max: u32, now: Timestamp) -> Option<Duration> {
        let left = self.window_ends.seconds_since(now);
        (self.count >= max && left > 0).then(|| Duration::from_secs(left))
    }
}

fn unknown_key(name_hash: &str) -> String {
    format!("limit#unknown_name#{name_hash}")
}

fn limit_key(limit: &str, source: &str) -> String {
    format!("limit#{limit}#{source}")
}
