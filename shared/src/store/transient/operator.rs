//! Writes to mails that only `admin` makes. No function makes them, or has the right to.

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

    /// Deletes the count of the reset mails to an unknown address, by the hash of the address. Returns false if there is
    /// none.
    pub async fn remove_decoy(&self, address_hash: &str) -> Result<bool, Error> {
        let key = MailKey::decoy(address_hash);
        let write = Write::delete(&self.table, &key.0, "attribute_exists(#pk)");
        Ok(self.database.write(&write).await?.is_done())
    }
}
