//! The kinds of change of an account, for the audit log and for the notices that users receive.

/// The kind of a change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user signed up.
    SignedUp,
    /// The user changed names, the spelling of the address or the superuser flag.
    Details,
    /// The user changed the password.
    Password,
    /// The user changed the address.
    Email,
    /// The password was reset.
    Reset,
}
