//! Counters: of wrong passwords for names that nobody has, and of what one source address does in an hour.

use std::time::Duration;

use serde::Deserialize;

use super::{Transient, long_ago};
use crate::{
    domain::{
        clock::Timestamp,
        throttle::{self, FailedAttempts},
    },
    store::database::{Error, Write, WriteOutcome, read},
};

/// Wrong passwords for a name that nobody has, counted like those for a user.
#[derive(Deserialize)]
struct UnknownName {
    #[serde(rename = "failures", default)]
    failed_attempts: Option<FailedAttempts>,
}

/// How often one source address did something in the current hour. A counter that lacks something counts nothing yet.
#[derive(Deserialize)]
struct Count {
    #[serde(default)]
    count: u32,
    #[serde(default = "long_ago")]
    window_ends: Timestamp,
}

/// The window in which one source address is counted.
const HOUR: Duration = Duration::from_hours(1);

impl Transient {
    /// The wrong passwords for a name that nobody has.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn unknown_name(&self, name_hash: &str) -> Result<Option<FailedAttempts>, Error> {
        let item: Option<UnknownName> = self
            .database
            .get(&self.table, &unknown_key(name_hash))
            .await?;
        Ok(item.and_then(|item| item.failed_attempts))
    }

    /// Counts one more of them, unless somebody else did since `seen` was read: then nothing is written, and the
    /// failures that stand are given back.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn record_unknown_name(
        &self,
        name_hash: &str,
        seen: Option<&FailedAttempts>,
        next: &FailedAttempts,
    ) -> Result<Option<FailedAttempts>, Error> {
        let condition = match seen {
            // One that has expired may be deleted at any moment.
            Some(_) => {
                "attribute_not_exists(#pk) OR (#failures.#n = :seen AND #failures.#u = :until)"
            }
            None => "attribute_not_exists(#failures)",
        };
        let expression = "SET #failures = :failures, #expires_at = :expires_at";
        let mut write = Write::update(&self.table, &unknown_key(name_hash), expression, condition)
            .value("failures", next)?
            .value("expires_at", next.locked_until + throttle::MEMORY)?;
        if let Some(seen) = seen {
            write = write
                .value("seen", seen.count)?
                .value("until", seen.locked_until)?;
        }
        Ok(match self.database.write(&write).await? {
            WriteOutcome::Refused(Some(item)) => read::<UnknownName>(item)?.failed_attempts,
            WriteOutcome::Done | WriteOutcome::Refused(None) => None,
        })
    }

    /// Counts that `who` did `what` once more in the hour that began with the first time. The time left of that hour,
    /// if `who` did it `most` times already.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn count(
        &self,
        what: &str,
        who: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Error> {
        let key = limit_key(what, who);
        // Most addresses are seen once an hour: that takes this one write.
        let fresh = "attribute_not_exists(#window_ends) OR #window_ends <= :now";
        let first = "SET #count = :one, #window_ends = :ends, #expires_at = :ends";
        let open = Write::update(&self.table, &key, first, fresh)
            .value("one", 1)?
            .value("ends", now + HOUR)?;
        if let WriteOutcome::Done = self.database.write(&open.value("now", now)?).await? {
            return Ok(None);
        }
        let below = "#window_ends > :now AND #count < :most";
        let again = Write::update(&self.table, &key, "SET #count = #count + :one", below)
            .value("one", 1)?;
        match self
            .database
            .write(&again.value("now", now)?.value("most", most)?)
            .await?
        {
            WriteOutcome::Done | WriteOutcome::Refused(None) => Ok(None),
            WriteOutcome::Refused(Some(item)) => Ok(read::<Count>(item)?.time_left(most, now)),
        }
    }

    /// The time left of the hour in which `who` did `what` `most` times already, if so. Counts nothing.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn is_over(
        &self,
        what: &str,
        who: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Error> {
        let count: Option<Count> = self
            .database
            .get(&self.table, &limit_key(what, who))
            .await?;
        Ok(count.and_then(|count| count.time_left(most, now)))
    }
}

impl Count {
    fn time_left(&self, most: u32, now: Timestamp) -> Option<Duration> {
        let left = self.window_ends.seconds_since(now);
        (self.count >= most && left > 0).then(|| Duration::from_secs(left))
    }
}

fn unknown_key(name_hash: &str) -> String {
    format!("limit#unknown_name#{name_hash}")
}

fn limit_key(what: &str, who: &str) -> String {
    format!("limit#{what}#{who}")
}
