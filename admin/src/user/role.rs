//! `user add-role` and `user remove-role`.

use serde_json::json;
use shared::{
    domain::{role::MAX_ROLES, user::User},
    store::users::{OperatorOutcome, RoleAdded},
};

use super::{deleted_meanwhile, description, subject};
use crate::{
    audit::ChangeKind, command_line::RoleArgs, connection::Context, error::Error, report::Report,
};

pub(crate) async fn add(context: &Context, args: &RoleArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    let role = args.role.as_str();
    let unchanged = format!("{} already has the role {role}.", subject(&user));
    if user.roles.contains(&args.role) {
        return Ok(report(&user, role, false, unchanged));
    }
    args.confirmation.confirm(&format!(
        "This gives the role {role} to {}.",
        description(&user)
    ))?;
    let record = context
        .change_record(ChangeKind::AddRole, &user, Some(role))
        .await?;
    match context
        .users
        .add_role(user.id, &args.role, &[record])
        .await?
    {
        RoleAdded::Done => {
            let text = format!("{} has the role {role}.", subject(&user));
            Ok(report(&user, role, true, text))
        }
        RoleAdded::Unchanged => Ok(report(&user, role, false, unchanged)),
        RoleAdded::TooMany => Err(Error::message(format!(
            "nothing was done: {} has {MAX_ROLES} roles already, and no user may have more",
            subject(&user)
        ))),
        RoleAdded::NotFound => Err(deleted_meanwhile()),
    }
}

pub(crate) async fn remove(context: &Context, args: &RoleArgs) -> Result<Report, Error> {
    let user = args.user.require(context).await?;
    let role = args.role.as_str();
    let unchanged = format!("{} does not have the role {role}.", subject(&user));
    if !user.roles.contains(&args.role) {
        return Ok(report(&user, role, false, unchanged));
    }
    args.confirmation.confirm(&format!(
        "This takes the role {role} from {}. Access tokens that were issued before name it until they expire.",
        description(&user)
    ))?;
    let record = context
        .change_record(ChangeKind::RemoveRole, &user, Some(role))
        .await?;
    match context
        .users
        .remove_role(user.id, &args.role, &[record])
        .await?
    {
        OperatorOutcome::Done => {
            let text = format!("{} no longer has the role {role}.", subject(&user));
            Ok(report(&user, role, true, text))
        }
        OperatorOutcome::Unchanged => Ok(report(&user, role, false, unchanged)),
        OperatorOutcome::NotFound => Err(deleted_meanwhile()),
    }
}

fn report(user: &User, role: &str, changed: bool, text: String) -> Report {
    let json = json!({
        "id": user.id,
        "username": user.username.as_str(),
        "role": role,
        "changed": changed,
    });
    Report::new(text, json)
}
