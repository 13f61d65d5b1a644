//! Writes to mails that only `admin` makes. No function makes them, or has the right to.

use super::{MailKey, Transient, has_text};
use crate::{
    domain::{
        clock::Timestamp,
        mail::{Kind, Mail, Quota, RETENTION, State, WINDOW},
        user::User,
    },
    store::database::{Error, Slot, Write},
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

    /// Returns a write that queues a reset mail to `user` in place of `seen`. The mail counts in the account's quota, which
    /// does not stop it, and causes no cool-down.
    pub fn reset_by_operator(
        &self,
        user: &User,
        seen: &Slot<Mail>,
        now: Timestamp,
    ) -> Result<Write, Error> {
        let before = seen.item().and_then(|last| last.used_quota(false));
        let current = before.filter(|quota| now < quota.window_ends);
        let quota = Quota {
            not_before: now,
            count: current
                .as_ref()
                .map_or(1, |quota| quota.count.saturating_add(1)),
            window_ends: current
                .as_ref()
                .map_or(now + WINDOW, |quota| quota.window_ends),
            password_version: current.and_then(|quota| quota.password_version),
        };
        let mail = Mail {
            quota: Some(quota),
            ..self.new_mail(Kind::ResetPassword, user, now)
        };
        self.replacement(&MailKey::reset(user.id), &mail, seen)
    }

    /// Returns a write that queues a notice, to the address in `user`, that the account has another address. It has no revert
    /// link.
    pub fn email_notice_by_operator(&self, user: &User, now: Timestamp) -> Result<Write, Error> {
        let mail = Mail {
            address: Some(user.email.as_str().to_owned()),
            verified: user.email_verified,
            ..self.new_mail(Kind::EmailChanged, user, now)
        };
        let key = MailKey::notice(Kind::EmailChanged, user.id, &mail.nonce);
        self.notice(&key, &mail)
    }

    /// Returns a write that queues the notice that `user` is deleted, as the user's own deletion does; `None` if the address
    /// was never verified.
    pub fn deletion_notice_by_operator(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<Option<Write>, Error> {
        let mail = Mail::of_deletion(user, self.database.new_write_id(), now);
        mail.map(|mail| self.deletion_notice(&mail)).transpose()
    }

    fn new_mail(&self, kind: Kind, user: &User, now: Timestamp) -> Mail {
        let nonce = self.database.new_write_id();
        Mail::new(kind, user.id, user.email.hash(), nonce, now)
    }
}
