//! `user delete`: deletes an account as its user would, for good.

use serde_json::json;
use shared::{domain::user_event::EventKind, store::audit_trail::Deletion};

use super::{description, subject};
use crate::{
    audit::ChangeKind, command_line::TargetArgs, connection::Context, error::Error, report::Report,
};

/// Deletes the user in one transaction with the record of the deletion, which is kept for the sake of backups, the record of
/// the operator's change, and the notice.
pub(crate) async fn run(context: &Context, args: &TargetArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    let notice = if user.email_verified {
        "A notice to the address is queued."
    } else {
        "The address receives no notice, since it is not verified."
    };
    args.confirmation.confirm(&format!(
        "This deletes {}, for good. The username and all its addresses become free, former ones included. {notice}",
        description(&user)
    ))?;
    let record = context
        .change_record(ChangeKind::Delete, &user, None)
        .await?;
    let now = context.clock.now()?;
    let deletion = Deletion::new(user.id, now, context.deletion_retention);
    let mut others = context.transient.forget(user.id);
    others.push(context.audit_trail.deletion(&deletion)?);
    others.push(record);
    others.extend(context.transient.deletion_notice_by_operator(&user, now)?);
    let version = user.next_version();
    let events = context
        .user_events
        .of_kinds(&[EventKind::Deleted], user.id, version, now)?;
    others.extend(events);
    if !context.users.remove(&user, now, others).await? {
        return Err(Error::message(
            "nothing was done: the user's record or a marker was changed in the meantime, or does not match; try again, or \
             see \"admin check\"",
        ));
    }
    let text = format!("{} is deleted.", subject(&user));
    let json = json!({
        "id": user.id,
        "username": user.username.as_str(),
        "deleted": true,
        "notified": user.email_verified,
    });
    Ok(Report::new(text, json))
}
