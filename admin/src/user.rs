//! `user`: shows, finds and changes users. Never prints a password hash.

mod delete;
mod disable;
mod find;
mod role;
mod send_reset;
mod set_email;
mod show;
mod sign_out;

use shared::domain::user::User;

pub(crate) use self::{find::list_matching, sign_out::sign_out};
use crate::{
    command_line::UserCommand, connection::Context, error::Error, report::Report, scan::Filter,
};

pub(crate) async fn run(context: &Context, command: &UserCommand) -> Result<Report, Error> {
    match command {
        UserCommand::Show { user } => show::run(context, user).await,
        UserCommand::Find(args) => find::run(context, args).await,
        UserCommand::List => list_matching(context, Filter::keys_with("user#"), |_| true).await,
        UserCommand::Disable(args) => disable::disable(context, args).await,
        UserCommand::Enable(args) => disable::enable(context, args).await,
        UserCommand::Delete(args) => delete::run(context, args).await,
        UserCommand::AddRole(args) => role::add(context, args).await,
        UserCommand::RemoveRole(args) => role::remove(context, args).await,
        UserCommand::SignOut(args) => sign_out(context, args).await,
        UserCommand::SetEmail(args) => set_email::run(context, args).await,
        UserCommand::SendReset(args) => send_reset::run(context, args).await,
    }
}

/// The error if the user was deleted after the command had read it.
fn deleted_meanwhile() -> Error {
    Error::message("nothing was done: the user was deleted in the meantime")
}

/// Names a user by username and id.
pub(crate) fn subject(user: &User) -> String {
    format!("{} (id {})", user.username.as_str(), user.id)
}

/// Names a user by username, id and address, as an operator needs it before a change.
pub(crate) fn description(user: &User) -> String {
    let is_verified = if user.email_verified {
        "verified"
    } else {
        "not verified"
    };
    format!(
        "{} (id {}, {}, {is_verified})",
        user.username.as_str(),
        user.id,
        user.email.as_str()
    )
}
