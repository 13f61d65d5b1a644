//! The commands that are about one user, and those that look for users.

use clap::{Args, Subcommand};

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
    /// Sign a user out everywhere and invalidate reset links; the password stays the same
    SignOut(SignOutArgs),
    /// Give a user another address; ends every session
    ///
    /// The new address is not verified unless you say so. A verified old address receives a notice, which has no link that
    /// takes the account back.
    SetEmail(SetEmailArgs),
    /// Queue a mail with a password reset link to a user's address
    ///
    /// The mail is queued even if the account has had as many as it may have in 24 hours, and it counts as one of them.
    SendReset(SendResetArgs),
}

#[derive(Args)]
pub(crate) struct FindArgs {
    /// Part of an address, a username, a first or a last name, in whatever case
    #[arg(value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) text: String,
}

#[derive(Args)]
pub(crate) struct SignOutArgs {
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
pub(crate) struct SendResetArgs {
    /// E-mail address, username or id; write id:… or username:… for a username made of digits
    pub(crate) user: UserRef,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}
