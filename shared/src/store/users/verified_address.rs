//! The update of a user's record to another address that is verified: a pending one that was confirmed, or a former one that
//! takes the account back.

use super::{Users, user_key};
use crate::{
    domain::user::User,
    store::database::{Assignments, Error, Write},
};

impl Users {
    /// Returns the write that stores the address of `after`, which is verified, and its former addresses in place of those of
    /// `before`, if the record has not changed since it was read. Discards a pending address, and makes the changes of `also`.
    pub(super) fn verified_address_update(
        &self,
        before: &User,
        after: &User,
        mut also: Assignments,
    ) -> Result<Write, Error> {
        also.set_or_remove("email_canonical", after.email.canonical_form())?;
        let expression = "SET #email = :email, #email_verified = :yes, #former_emails = :former_emails, \
             #version = :next, #credentials = :credentials, #writer = :writer REMOVE #pending_email";
        let key = user_key(before.id);
        Write::update_with(&self.table, &key, expression, also, "#version = :version")
            .with_write_id(&after.last_write_id)
            .value("email", after.email.as_str())?
            .value("yes", true)?
            .value("former_emails", &after.former_emails)?
            .value("version", before.record_version)?
            .value("next", after.record_version)?
            .value("credentials", after.credentials_version)?
            .value("writer", &after.last_write_id)
    }
}
