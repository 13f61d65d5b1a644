//! `user send-reset`: queues a reset link for a user who cannot request one.

use serde_json::json;
use shared::{domain::mail::State, store::transient::MailKey};

use super::{description, subject};
use crate::{
    audit::ChangeKind, command_line::TargetArgs, connection::Context, error::Error, report::Report,
};

/// Queues the mail whatever the account's quota: the operator has decided that the user gets one. It counts in the quota, and
/// replaces a reset mail that is still queued.
pub(crate) async fn run(context: &Context, args: &TargetArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    if user.is_disabled() {
        return Err(Error::message(format!(
            "nothing was done: {} is disabled, and no mail is sent to disabled users",
            subject(&user)
        )));
    }
    args.confirmation.confirm(&format!(
        "This queues a mail with a password reset link to {}.",
        description(&user)
    ))?;
    let seen = context
        .transient
        .last_mail(&MailKey::reset(user.id))
        .await?;
    let replaces = seen.item().is_some_and(|last| last.state == State::Queued);
    let now = context.clock.now()?;
    let write = context.transient.reset_by_operator(&user, &seen, now)?;
    if !context
        .commit(ChangeKind::SendReset, &user, vec![write])
        .await?
    {
        return Err(Error::message(
            "nothing was done: another reset mail to this user was requested, or sent, at the same moment",
        ));
    }
    let mut text = format!(
        "A mail with a password reset link to {} is queued. \"admin mails show id:{}\" shows its delivery state.",
        subject(&user),
        user.id
    );
    if replaces {
        text.push_str(" It replaces one that was still queued.");
    }
    let json = json!({
        "id": user.id,
        "username": user.username.as_str(),
        "replaced_queued_mail": replaces,
    });
    Ok(Report::new(text, json))
}
