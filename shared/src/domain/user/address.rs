//! A change of address: at once, or once the new address is confirmed.

use std::time::Duration;

use super::{User, UserUpdate};
use crate::domain::email::EmailAddress;

/// The rules of the deployment for changes of an address.
#[derive(Clone, Copy, Default)]
pub struct AddressRules {
    /// The time for which a link takes the account back to its former address; `None` if no such links are sent.
    pub revert_lifetime: Option<Duration>,
    /// True if another address takes effect only once it is confirmed.
    pub confirm_first: bool,
}

impl User {
    /// Returns true if `update` has an address other than the user's, in whatever spelling, and other than the pending one if
    /// a change waits for its confirmation.
    #[must_use]
    pub fn would_change_address(&self, update: &UserUpdate, rules: AddressRules) -> bool {
        let is_pending = |email: &EmailAddress| {
            rules.confirm_first && self.pending_email.as_ref() == Some(email)
        };
        let email = update.email.as_ref();
        email.is_some_and(|email| email.canonical() != self.email.canonical() && !is_pending(email))
    }

    /// Sets the address or, if another one has to be confirmed first, the pending address. The current address, in whatever
    /// spelling, withdraws a pending one unless `keeps_pending`.
    pub(super) fn set_email(
        &mut self,
        email: EmailAddress,
        keeps_pending: bool,
        rules: AddressRules,
    ) {
        let is_other = email.canonical() != self.email.canonical();
        if is_other && rules.confirm_first {
            self.pending_email = Some(email);
            return;
        }
        if is_other || !keeps_pending {
            self.pending_email = None;
        }
        // The current address stays as stored, with its canonical form, whatever form today's rules give it.
        if email.as_str() != self.email.as_str() {
            self.email = email;
        }
    }
}
