//! The update of a user's record to another address that is verified: a pending one that was confirmed, or a former one that
//! takes the account back.

use super::{Users, canonical_email::StoredForm, user_key};
use crate::{
    domain::user::User,
    store::database::{Error, Write},
};

impl Users {
    /// Returns the write that stores the address of `after`, which is verified, and its former addresses in place of those of
    /// `before`, if the record has not changed since it was read. Discards a pending address. `set` and `remove` are appended
    /// to the clauses of the update expression; the caller adds the values that they refer to.
    pub(super) fn verified_address_update(
        &self,
        before: &User,
        after: &User,
        set: &str,
        remove: &str,
    ) -> Result<Write, Error> {
        let stored_form = StoredForm::of(&after.email);
        let (set_canonical, remove_canonical) = (stored_form.set(), stored_form.remove());
        let expression = format!(
            "SET #email = :email, #email_verified = :yes, #former_emails = :former_emails, \
             #version = :next, #credentials = :credentials, #writer = :writer{set_canonical}{set} \
             REMOVE #pending_email{remove_canonical}{remove}"
        );
        let key = user_key(before.id);
        let write = Write::update(&self.table, &key, &expression, "#version = :version")
            .with_write_id(&after.last_write_id)
            .value("email", after.email.as_str())?
            .value("yes", true)?
            .value("former_emails", &after.former_emails)?
            .value("version", before.record_version)?
            .value("next", after.record_version)?
            .value("credentials", after.credentials_version)?
            .value("writer", &after.last_write_id)?;
        stored_form.value(write)
    }
}
