//! The kinds of changes to an account, for the audit log and for the notices that users receive.

/// The kind of a change to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user signed up.
    SignedUp,
    /// The user changed a name, the language, the spelling of the address or the superuser flag, or gave or withdrew an address
    /// that has to be confirmed first.
    Details,
    /// The user changed the password.
    Password,
    /// The user changed the address.
    Email,
    /// The user gave another address, which takes effect once it is confirmed.
    EmailRequested,
    /// A pending address was discarded: at its confirmation, since another account has it, or by a reset.
    PendingEmailDiscarded,
    /// The password was reset.
    Reset,
    /// The owner of a former address took the account back by a link.
    Reverted,
    /// The user proved to receive mail at the address.
    EmailConfirmed,
    /// The user deleted the account.
    Deleted,
}
