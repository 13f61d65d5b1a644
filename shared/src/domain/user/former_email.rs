//! Former addresses of an account. For some days after a change, the owner of a verified former address can take the account
//! back by the link in the notice, and no other account can have the address.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::User;
use crate::domain::{
    clock::Timestamp,
    email::{CanonicalForm, EmailAddress},
    link_token::LinkToken,
    password::Hash,
};

/// Maximum number of former addresses that are reserved for one account.
pub const MAX_FORMER_EMAILS: usize = 20;

/// A verified address that the account had.
#[derive(Clone, Serialize, Deserialize)]
pub struct FormerEmail {
    /// Identifies the change of address. Later changes have higher numbers.
    #[serde(rename = "n")]
    pub number: u64,
    #[serde(rename = "email")]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical: Option<CanonicalForm>,
    /// The time until which the address is reserved and its link is valid.
    pub until: Timestamp,
}

impl FormerEmail {
    /// The address.
    #[must_use]
    pub fn address(&self) -> EmailAddress {
        EmailAddress::from_stored(self.text.clone(), self.canonical.clone())
    }

    /// Returns true while the address is reserved.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// A revert link that was sent, as it is stored: the hash only, never the token itself.
#[derive(Serialize, Deserialize)]
pub struct StoredRevertToken {
    /// SHA-256 of the token's secret, in hexadecimal digits.
    pub hash: String,
    /// The number of the change of address that the link reverts.
    pub number: u64,
    /// The end of the link's validity, and the time from which DynamoDB may delete the item.
    #[serde(default)]
    pub expires_at: Timestamp,
}

impl StoredRevertToken {
    /// Returns true if `token` is this one and valid at `now`.
    #[must_use]
    pub fn accepts(&self, token: &LinkToken, now: Timestamp) -> bool {
        self.hash == token.hash() && now < self.expires_at
    }
}

impl User {
    /// Returns the former address with this number, if it is still reserved.
    #[must_use]
    pub fn former_email(&self, number: u64, now: Timestamp) -> Option<&FormerEmail> {
        self.live_former_emails(now)
            .find(|former| former.number == number)
    }

    /// Returns true if a link can still take the account back to a former address.
    #[must_use]
    pub fn has_live_revert_link(&self, now: Timestamp) -> bool {
        self.live_former_emails(now).next().is_some()
    }

    /// Returns the time until which `address` is reserved for this account as a former one.
    #[must_use]
    pub fn reserved_until(&self, address: &EmailAddress, now: Timestamp) -> Option<Timestamp> {
        self.live_former_emails(now)
            .filter(|former| former.address().canonical() == address.canonical())
            .map(|former| former.until)
            .max()
    }

    /// Returns the time until another verified address can become a former one, if there are too many.
    pub(super) fn time_to_next_former_email(&self, now: Timestamp) -> Option<Duration> {
        if !self.email_verified || self.live_former_emails(now).count() < MAX_FORMER_EMAILS {
            return None;
        }
        let first = self
            .live_former_emails(now)
            .map(|former| former.until)
            .min();
        first.map(|until| Duration::from_secs(until.seconds_since(now)))
    }

    /// Returns the former addresses after a change of address at `now`. The present one is added for `lifetime` if it is
    /// verified: only then is it known to be the owner's.
    pub(super) fn former_emails_after_change(
        &self,
        now: Timestamp,
        lifetime: Option<Duration>,
    ) -> Vec<FormerEmail> {
        let mut former: Vec<_> = self.live_former_emails(now).cloned().collect();
        if let Some(lifetime) = lifetime.filter(|_| self.email_verified) {
            former.push(FormerEmail {
                // Every change of address increments it.
                number: self.credentials_version,
                text: self.email.as_str().to_owned(),
                canonical: self.email.canonical_form(),
                until: now + lifetime,
            });
        }
        former
    }

    /// Returns the record after its owner took the account back to `former` and chose a new password. Links to later
    /// addresses become invalid, those to earlier ones stay valid.
    #[must_use]
    pub fn reverted_to(
        &self,
        former: &FormerEmail,
        password: Hash,
        write_id: String,
        now: Timestamp,
    ) -> Self {
        let earlier = self
            .live_former_emails(now)
            .filter(|other| other.number < former.number);
        let former_emails = earlier.cloned().collect();
        Self {
            email: former.address(),
            email_verified: true,
            pending_email: None,
            former_emails,
            password,
            sessions: std::collections::BTreeMap::new(),
            failed_log_ins: None,
            failed_current_passwords: None,
            record_version: self.next_version(),
            credentials_version: self.credentials_version + 1,
            password_version: self.password_version + 1,
            last_write_id: write_id,
            ..self.clone()
        }
    }

    fn live_former_emails(&self, now: Timestamp) -> impl Iterator<Item = &FormerEmail> {
        let former = self.former_emails.iter();
        former.filter(move |former| former.is_live(now))
    }
}
