//! The table of counters that strangers cause: requests by source address, wrong passwords for unknown names, mails to an
//! address. It is a table of its own, so that a flood that saturates it delays no mail and changes no user. DynamoDB deletes
//! each item some time after its `expires_at` (TTL); nothing here relies on the deletion.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    domain::{
        clock::Timestamp,
        rate_limit::{CONTENTION_RETRY_AFTER, Window},
        throttle::{FailedAttempts, ROW_MEMORY, Recorded},
    },
    store::database::{Database, Error, Write, WriteOutcome, read},
};

/// The table of counters.
#[derive(Clone)]
pub struct Counters {
    database: Database,
    table: String,
}

/// The key of a counter in windows of time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CounterKey(String);

/// The outcome of counting an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Counted {
    /// It was counted in this window.
    Within(Window),
    /// The limit was reached already, and nothing was counted. Carries the rest of the window.
    OverLimit(Duration),
}

/// Wrong passwords for a name that no user has, counted like those of a user.
#[derive(Deserialize)]
struct UnknownName {
    #[serde(default)]
    failures: Option<FailedAttempts>,
}

/// Maximum attempts to count an event when its window ends, or its item is deleted, in the meantime.
const MAX_ATTEMPTS: u32 = 4;

/// The condition that an addition was not applied yet. An addition is no assignment: if the response of an attempt is lost, the next one
/// would count again. If another request writes the counter in between, nothing tells that it was applied: then one event counts twice, or is taken
/// back twice, so that a source has one attempt less or more.
const NOT_APPLIED: &str = "(attribute_not_exists(#writer) OR #writer <> :writer)";

impl CounterKey {
    /// The counter of the events that `limit` limits for `subject`, such as a source address.
    #[must_use]
    pub fn new(limit: &str, subject: &str) -> Self {
        Self(format!("limit#{limit}#{subject}"))
    }

    /// The counter of wrong passwords for a name that no user has, by the SHA-256 hash of the name.
    #[must_use]
    pub fn unknown_name(name_hash: &str) -> Self {
        Self::new("unknown_name", name_hash)
    }

    /// Reads the key of an item. Returns `None` unless it is a counter's key.
    #[must_use]
    pub fn from_item(key: &str) -> Option<Self> {
        key.starts_with("limit#").then(|| Self(key.to_owned()))
    }

    /// Returns the key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Counters {
    /// Uses the table of this name.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// Returns the last window of the counter at `key`, which may have ended.
    pub async fn window(&self, key: &CounterKey) -> Result<Option<Window>, Error> {
        self.database.get(&self.table, &key.0).await
    }

    /// Counts one more event at `key`, unless `max` were counted in the current window. A new window has this `length`.
    ///
    /// `seen` is the window as read. If it was over the limit, nothing is written; if another event was counted since, the
    /// write takes that into account.
    pub async fn count(
        &self,
        key: &CounterKey,
        mut seen: Option<Window>,
        max: u32,
        length: Duration,
        now: Timestamp,
    ) -> Result<Counted, Error> {
        let write_id = self.database.new_write_id();
        for _ in 0..MAX_ATTEMPTS {
            if let Some(rest) = seen
                .as_ref()
                .and_then(|window| window.time_over_limit(max, now))
            {
                return Ok(Counted::OverLimit(rest));
            }
            let next = Window::after_one_more(seen.as_ref(), now, length);
            let open = seen.as_ref().filter(|window| window.is_open(now));
            let write = match open {
                Some(window) => self.add(key, max, window, &write_id)?,
                None => self.open(key, &next, now, &write_id)?,
            };
            match self.database.write(&write).await? {
                WriteOutcome::Done => return Ok(Counted::Within(next)),
                failed => seen = failed.current_item().map(read).transpose()?,
            }
        }
        Ok(Counted::OverLimit(CONTENTION_RETRY_AFTER))
    }

    fn open(
        &self,
        key: &CounterKey,
        window: &Window,
        now: Timestamp,
        write_id: &str,
    ) -> Result<Write, Error> {
        let expression =
            "SET #count = :count, #window_ends = :ends, #expires_at = :ends, #writer = :writer";
        let is_new = "attribute_not_exists(#window_ends) OR #window_ends <= :now";
        Write::update(&self.table, &key.0, expression, is_new)
            .with_write_id(write_id)
            .value("count", window.count)?
            .value("ends", window.ends_at)?
            .value("now", now)?
            .value("writer", write_id)
    }

    /// Adds to `window` and to no later one, so that the caller knows from which one to take it back.
    fn add(
        &self,
        key: &CounterKey,
        max: u32,
        window: &Window,
        write_id: &str,
    ) -> Result<Write, Error> {
        let condition = format!(
            "#window_ends = :ends AND (attribute_not_exists(#count) OR #count < :max) AND {NOT_APPLIED}"
        );
        let expression = "SET #count = if_not_exists(#count, :zero) + :one, #writer = :writer";
        Write::update(&self.table, &key.0, expression, &condition)
            .with_write_id(write_id)
            .value("zero", 0)?
            .value("one", 1)?
            .value("ends", window.ends_at)?
            .value("max", max)?
            .value("writer", write_id)
    }

    /// Takes back one event that was counted in `window`, if that is still the counter's last one.
    pub async fn take_back(&self, key: &CounterKey, window: &Window) -> Result<(), Error> {
        let write_id = self.database.new_write_id();
        let condition = format!("#window_ends = :ends AND #count > :zero AND {NOT_APPLIED}");
        let expression = "SET #count = #count - :one, #writer = :writer";
        let write = Write::update(&self.table, &key.0, expression, &condition)
            .with_write_id(&write_id)
            .value("one", 1)?
            .value("zero", 0)?
            .value("ends", window.ends_at)?
            .value("writer", &write_id)?;
        self.database.write(&write).await.map(drop)
    }

    /// Returns the wrong passwords for a name that no user has.
    pub async fn unknown_name(&self, name_hash: &str) -> Result<Option<FailedAttempts>, Error> {
        let key = CounterKey::unknown_name(name_hash);
        let item: Option<UnknownName> = self.database.get(&self.table, &key.0).await?;
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
            Some(_) => "(#failures.#n = :seen_count AND #failures.#u = :seen_lock)",
            None => "attribute_not_exists(#failures)",
        };
        let key = CounterKey::unknown_name(name_hash);
        let write_id = self.database.new_write_id();
        let expression = "SET #failures = :next, #expires_at = :expires_at, #writer = :writer";
        let mut write = Write::update(&self.table, &key.0, expression, condition)
            .with_write_id(&write_id)
            .value("next", next)?
            .value("writer", &write_id)?
            .value("expires_at", next.locked_until + ROW_MEMORY)?;
        if let Some(seen) = seen {
            write = write
                .value("seen_count", seen.count)?
                .value("seen_lock", seen.locked_until)?;
        }
        let outcome = self.database.write(&write).await?;
        if outcome.is_done() {
            return Ok(Recorded::Done);
        }
        // A counter that an operator has cleared, or that has expired, is gone.
        let current: Option<UnknownName> = outcome.current_item().map(read).transpose()?;
        Ok(Recorded::Overtaken(
            current.and_then(|current| current.failures),
        ))
    }

    /// Deletes the counter at `key`; only `admin` does. Returns false if there is none.
    pub async fn remove(&self, key: &CounterKey) -> Result<bool, Error> {
        let write = Write::delete(&self.table, &key.0, "attribute_exists(#pk)");
        Ok(self.database.write(&write).await?.is_done())
    }
}
