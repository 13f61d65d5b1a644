//! Writes to mails and counters that only `admin` makes. No function makes them, or has the right to.

use super::{MailKey, Transient, has_text};
use crate::{
    domain::{
        clock::Timestamp,
        mail::{Mail, RETENTION, State},
    },
    store::database::{Error, Write},
};

impl Transient {
    /// Queues `seen` again, as if it had just been requested. Returns false if the mail has changed since `seen` was
    /// read.
    pub async fn replay(&self, key: &MailKey, seen: &Mail, now: Timestamp) -> Result<bool, Error> {
        let nonce = self.database.new_write_id();
        let write = Write::update(
            &self.table,
            &key.0,
            "SET #nonce = :nonce, #state = :queued, #asked_at = :now, #expires_at = :expires_at REMOVE #detail",
            "#nonce = :seen AND #state = :state",
        )
        .value("nonce", &nonce)?
        .value("queued", State::Queued)?
        .value("now", now)?
        .value("expires_at", now + RETENTION)?
        .value("seen", &seen.nonce)?
        .value("state", seen.state)?;
        let outcome = self.database.write(&write).await?;
        Ok(outcome.is_done() || has_text(outcome.current_item().as_ref(), "nonce", &nonce))
    }

    /// Clears the count and the cool-down of the reset mails at `key`. Returns false if there is nothing to clear, or
    /// if the mail is still queued: it is then left unchanged.
    pub async fn forget_quota(&self, key: &MailKey) -> Result<bool, Error> {
        let write = Write::update(
            &self.table,
            &key.0,
            "REMOVE #not_before, #count, #window_ends",
            "attribute_exists(#count) AND #state <> :queued",
        )
        .value("queued", State::Queued)?;
        Ok(self.database.write(&write).await?.is_done())
    }

    /// Deletes the counter at `key`. Returns false if there is none, or if the key is not one of a counter.
    pub async fn remove_counter(&self, key: &str) -> Result<bool, Error> {
        let counters = ["limit#", "void#"];
        if !counters.iter().any(|counter| key.starts_with(counter)) {
            return Ok(false);
        }
        let write = Write::delete(&self.table, key, "attribute_exists(#pk)");
        Ok(self.database.write(&write).await?.is_done())
    }
}
