//! The recipient of a mail.

use shared::domain::{
    email::EmailAddress,
    mail::{Kind, Mail},
    user::User,
};

/// The recipient of a mail: for a notice, the address stored in its item, if any; otherwise the user's current address or, for
/// a confirmation, the pending one, if it is still the one of the request. A link is never sent to an address from the item.
pub(super) fn recipient(mail: &Mail, user: &User) -> Option<EmailAddress> {
    match (mail.kind, &mail.address) {
        (
            Kind::PasswordChanged
            | Kind::EmailChanged
            | Kind::EmailChangeRequested
            | Kind::AccountDeleted,
            Some(address),
        ) => stored_address(address),
        (kind, _) => {
            let pending = user.pending_email.as_ref();
            let pending = pending.filter(|_| kind == Kind::ConfirmEmail);
            let mut addresses = pending.into_iter().chain([&user.email]);
            let requested = addresses.find(|address| address.hash() == mail.address_hash);
            requested.cloned()
        }
    }
}

/// Parses the address of an item. The address of a stored user may break today's rules.
pub(super) fn stored_address(address: &str) -> Option<EmailAddress> {
    EmailAddress::lookup(address).ok().map(|lookup| lookup.name)
}
