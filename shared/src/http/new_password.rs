//! The new password of a form that has it typed twice.

use super::{Fields, Violation};
use crate::domain::password::{NewPassword, Password, Policy};

impl Fields {
    /// Takes `new_password` and `password_confirmation`. Returns the password if it meets `policy` and is confirmed.
    pub fn new_password(&mut self, policy: &Policy) -> Option<NewPassword> {
        let mut typed = None;
        let new_password = self.required("new_password", |text| {
            typed = Password::parse(text).ok();
            NewPassword::parse(text, policy)
        });
        let confirmed = self.required("password_confirmation", |text| match typed {
            Some(typed) if !typed.is_same_as(text) => {
                Err(Violation::new("mismatch", "does not match new_password"))
            }
            _ => Ok(()),
        });
        confirmed.and(new_password)
    }
}
