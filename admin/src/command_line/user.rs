//! The commands that are about one user, and those that look for users.

use clap::{Args, Subcommand};
use shared::domain::role::RoleName;

use crate::{confirm::Confirmation, user_ref::UserRef};

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Show a user: names, rights, sessions, reserved addresses and waits
    Show {
        /// E-mail address, username or id; write id:… or username:… for a username made of digits
        user: UserRef,
    },
    /// Find users by a part of the address, the username or a name; reads the whole table of users
    Find(FindArgs),
    /// List all users; reads the whole table of users
    List,
    /// Disable a user: the account is unknown to everyone but operators, its names stay in use, and every session ends
    Disable(TargetArgs),
    /// Enable a disabled user again
    Enable(TargetArgs),
    /// Delete a user at once and for good, and free the username and the addresses
    ///
    /// The deletion is recorded, so that a restored backup does not bring the user back. A verified address receives a notice.
    Delete(TargetArgs),
    /// Give a user a role, which access tokens name
    AddRole(RoleArgs),
    /// Take a role from a user
    RemoveRole(RoleArgs),
    /// Sign a user out everywhere and invalidate reset links; the password stays the same
    SignOut(TargetArgs),
    /// Give a user another address; ends every session
    ///
    /// The new address is not verified unless you say so. A verified old address receives a notice, which has no link that
    /// takes the account back.
    SetEmail(SetEmailArgs),
    /// Queue a mail with a password reset link to a user's address
    ///
    /// The mail is queued even if the account has had as many as it may have in 24 hours, and it counts as one of them.
    SendReset(TargetArgs),
}

#[derive(Args)]
pub(crate) struct FindArgs {
    /// Part of an address, a username, a first or a last name, in whatever case
    #[arg(value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) text: String,
}

/// The user that a command changes.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// E-mail address, username or id; write id:… or username:… for a username made of digits
    pub(crate) user: UserRef,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

#[derive(Args)]
pub(crate) struct SetEmailArgs {
    /// E-mail address, username or id; write id:… or username:… for a username made of digits
    pub(crate) user: UserRef,
    /// The new address
    #[arg(value_name = "ADDRESS")]
    pub(crate) email: String,
    /// Mark the address as verified: you know by other means that it is the user's
    #[arg(long)]
    pub(crate) verified: bool,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

#[derive(Args)]
pub(crate) struct RoleArgs {
    /// E-mail address, username or id; write id:… or username:… for a username made of digits
    pub(crate) user: UserRef,
    /// Name of the role: 1 to 50 letters, digits and . _ : -
    #[arg(value_parser = parse_role)]
    pub(crate) role: RoleName,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

fn parse_role(text: &str) -> Result<RoleName, String> {
    RoleName::parse(text).map_err(|error| format!("a role {error}"))
}
