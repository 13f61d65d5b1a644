//! Addresses that a user gave and has not confirmed, while the account keeps its own (`ConfirmEmailChange`).
//!
//! A pending address is not reserved: otherwise anyone with an account could keep others from signing up with addresses that
//! are not theirs. Whether it is free is decided when it is confirmed.

use serde::{Deserialize, Serialize};

use super::{AddressRules, User};
use crate::domain::{
    clock::Timestamp,
    email::{CanonicalForm, EmailAddress},
    link_token::AddressBinding,
};

/// A pending address as stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingEmail {
    #[serde(rename = "email")]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical: Option<CanonicalForm>,
}

impl From<&EmailAddress> for PendingEmail {
    fn from(address: &EmailAddress) -> Self {
        Self {
            text: address.as_str().to_owned(),
            canonical: address.canonical_form(),
        }
    }
}

impl From<PendingEmail> for EmailAddress {
    fn from(stored: PendingEmail) -> Self {
        Self::from_stored(stored.text, stored.canonical)
    }
}

impl User {
    /// Returns the address that a confirmation link goes to: the pending one, if there is one.
    #[must_use]
    pub fn confirmation_recipient(&self) -> &EmailAddress {
        self.pending_email.as_ref().unwrap_or(&self.email)
    }

    /// Returns the state that the confirmation link of a pending address must have been sent for; `None` without a pending
    /// address.
    #[must_use]
    pub fn pending_address_binding(&self) -> Option<AddressBinding> {
        self.pending_email.as_ref().map(AddressBinding::to)
    }

    /// Returns the record after the pending address was confirmed at `now`: it becomes the verified address, and the present
    /// one becomes a former one. `None` without a pending address. `write_id` is the id of the write that will store the
    /// record.
    #[must_use]
    pub fn with_pending_email_confirmed(
        &self,
        rules: AddressRules,
        write_id: String,
        now: Timestamp,
    ) -> Option<Self> {
        let pending = self.pending_email.clone()?;
        Some(Self {
            email: pending,
            email_verified: true,
            pending_email: None,
            former_emails: self.former_emails_after_change(now, rules.revert_lifetime),
            record_version: self.next_version(),
            credentials_version: self.credentials_version + 1,
            last_write_id: write_id,
            ..self.clone()
        })
    }
}
