//! The attribute `email_canonical`: the canonical form of a user's address, where it is not the address in lower case.

use crate::{
    domain::email::{CanonicalForm, EmailAddress},
    store::database::{Error, Write},
};

/// The canonical form of an address, as a part of an update expression.
pub(super) struct StoredForm(Option<CanonicalForm>);

impl StoredForm {
    pub(super) fn of(address: &EmailAddress) -> Self {
        Self(address.canonical_form())
    }

    /// Returns the assignment to append to a `SET` clause; empty if there is nothing to store.
    pub(super) const fn set(&self) -> &'static str {
        match self.0 {
            Some(_) => ", #email_canonical = :email_canonical",
            None => "",
        }
    }

    /// Returns the attribute to append to a `REMOVE` clause; empty if it is set.
    pub(super) const fn remove(&self) -> &'static str {
        match self.0 {
            Some(_) => "",
            None => ", #email_canonical",
        }
    }

    /// Adds the value that [`Self::set`] refers to.
    pub(super) fn value(self, write: Write) -> Result<Write, Error> {
        match self.0 {
            Some(form) => write.value("email_canonical", form),
            None => Ok(write),
        }
    }
}
