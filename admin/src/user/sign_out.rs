//! `user sign-out`: ends the sessions of a user whose token or device has been stolen or lost.

use serde_json::json;

use super::{deleted_meanwhile, description, subject};
use crate::{
    audit::ChangeKind, command_line::TargetArgs, connection::Context, error::Error, report::Report,
};

pub(crate) async fn sign_out(context: &Context, args: &TargetArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    let ended = user.sessions.len();
    args.confirmation.confirm(&format!(
        "This ends {ended} sessions, log-ins in progress and reset links of {}.",
        description(&user)
    ))?;
    let write = context.users.sign_out_write(user.id)?;
    if !context
        .commit(ChangeKind::EndSessions, &user, vec![write])
        .await?
    {
        return Err(deleted_meanwhile());
    }
    let text = format!(
        "{} has been signed out everywhere ({ended} sessions). The password has not changed.",
        subject(&user)
    );
    let json = json!({"id": user.id, "username": user.username.as_str(), "ended": ended});
    Ok(Report::new(text, json))
}
