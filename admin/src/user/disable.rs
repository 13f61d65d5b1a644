//! `user disable` and `user enable`.

use serde_json::json;
use shared::{domain::user::User, store::users::OperatorOutcome};

use super::{deleted_meanwhile, description, subject};
use crate::{
    audit::ChangeKind, command_line::TargetArgs, connection::Context, error::Error, report::Report,
};

pub(crate) async fn disable(context: &Context, args: &TargetArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    if user.is_disabled() {
        return Ok(unchanged(&user));
    }
    args.confirmation.confirm(&format!(
        "This disables {}. The account is unknown to everyone but operators, every session ends, and reset links become \
         invalid. Its username and address stay in use.",
        description(&user)
    ))?;
    let record = context
        .change_record(ChangeKind::Disable, &user, None)
        .await?;
    let now = context.clock.now()?;
    let (events, also) = (&context.user_events, [record]);
    let disabled = context.users.disable(user.id, now, events, &also);
    let disabled = disabled.await?;
    let text = format!("{} is disabled.", subject(&user));
    report(disabled, &user, true, text)
}

pub(crate) async fn enable(context: &Context, args: &TargetArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    if !user.is_disabled() {
        return Ok(unchanged(&user));
    }
    args.confirmation.confirm(&format!(
        "This enables {}. The password is the one from before; links to confirm or take back an address are valid again \
         until they expire.",
        description(&user)
    ))?;
    let record = context
        .change_record(ChangeKind::Enable, &user, None)
        .await?;
    let now = context.clock.now()?;
    let (events, also) = (&context.user_events, [record]);
    let enabled = context.users.enable(user.id, now, events, &also);
    let enabled = enabled.await?;
    let text = format!("{} is enabled.", subject(&user));
    report(enabled, &user, false, text)
}

fn report(
    outcome: OperatorOutcome,
    user: &User,
    is_disabled: bool,
    text: String,
) -> Result<Report, Error> {
    match outcome {
        OperatorOutcome::Done => Ok(Report::new(text, to_json(user, is_disabled, true))),
        // Another operator was faster.
        OperatorOutcome::Unchanged => Ok(Report::new(text, to_json(user, is_disabled, false))),
        OperatorOutcome::NotFound => Err(deleted_meanwhile()),
    }
}

fn unchanged(user: &User) -> Report {
    let text = if user.is_disabled() {
        format!("{} is already disabled.", subject(user))
    } else {
        format!("{} is not disabled.", subject(user))
    };
    Report::new(text, to_json(user, user.is_disabled(), false))
}

fn to_json(user: &User, is_disabled: bool, changed: bool) -> serde_json::Value {
    json!({
        "id": user.id,
        "username": user.username.as_str(),
        "disabled": is_disabled,
        "changed": changed,
    })
}
