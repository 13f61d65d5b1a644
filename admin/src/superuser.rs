//! `superuser grant` and `superuser revoke`, the only way to make a superuser, and `superuser list`.

use serde_json::json;
use shared::domain::{user::User, user_event::EventKind};

use crate::{
    audit::ChangeKind,
    command_line::SuperuserCommand,
    confirm::Confirmation,
    connection::Context,
    error::Error,
    report::Report,
    scan::Filter,
    user::{self, description, subject},
    user_ref::UserRef,
};

/// Attempts while other requests change the same record.
const MAX_ATTEMPTS: u32 = 5;

pub(crate) async fn run(context: &Context, command: &SuperuserCommand) -> Result<Report, Error> {
    match command {
        SuperuserCommand::Grant {
            user,
            force,
            confirmation,
        } => grant(context, user, *force, confirmation).await,
        SuperuserCommand::Revoke { user, confirmation } => {
            revoke(context, user, confirmation).await
        }
        SuperuserCommand::List => {
            let superusers = Filter::is_true("is_superuser");
            user::list_matching(context, superusers, |user| user.is_superuser).await
        }
    }
}

async fn grant(
    context: &Context,
    user_ref: &UserRef,
    force: bool,
    confirmation: &Confirmation,
) -> Result<Report, Error> {
    let user = user_ref.require(context).await?;
    if user.is_superuser {
        let text = format!("{} is already a superuser.", subject(&user));
        return Ok(report(&user, true, false, &text));
    }
    if !user.email_verified && !force {
        return Err(Error::message(format!(
            "nothing was done: the address of {} may be another person's, since it is not verified; add --force to grant the \
             rights anyway",
            description(&user)
        )));
    }
    confirmation.confirm(&format!(
        "This makes {} a superuser, who may read every user's record.",
        description(&user)
    ))?;
    set(context, user_ref, &user, true).await?;
    let text = format!("{} is now a superuser.", subject(&user));
    Ok(report(&user, true, true, &text))
}

async fn revoke(
    context: &Context,
    user_ref: &UserRef,
    confirmation: &Confirmation,
) -> Result<Report, Error> {
    let user = user_ref.require(context).await?;
    if !user.is_superuser {
        let text = format!("{} is not a superuser.", subject(&user));
        return Ok(report(&user, false, false, &text));
    }
    confirmation.confirm(&format!(
        "This takes the rights of a superuser from {}.",
        description(&user)
    ))?;
    set(context, user_ref, &user, false).await?;
    let text = format!("{} is no longer a superuser.", subject(&user));
    Ok(report(&user, false, true, &text))
}

fn report(user: &User, is_superuser: bool, changed: bool, text: &str) -> Report {
    let json = json!({
        "id": user.id,
        "username": user.username.as_str(),
        "is_superuser": is_superuser,
        "changed": changed,
    });
    Report::new(text, json)
}

/// Makes the change that was confirmed for `confirmed`, with its record. If another request changes the user first, reads the
/// user again, and goes on only if what the operator confirmed is still true.
async fn set(
    context: &Context,
    user_ref: &UserRef,
    confirmed: &User,
    is_superuser: bool,
) -> Result<(), Error> {
    let kind = if is_superuser {
        ChangeKind::GrantSuperuser
    } else {
        ChangeKind::RevokeSuperuser
    };
    let mut user = confirmed.clone();
    for _ in 0..MAX_ATTEMPTS {
        let mut writes = vec![context.users.superuser_write(&user, is_superuser)?];
        let (version, now) = (user.next_version(), context.clock.now()?);
        let events = context
            .user_events
            .of_kinds(&[EventKind::Updated], user.id, version, now)?;
        writes.extend(events);
        if context.commit(kind, &user, writes).await? {
            return Ok(());
        }
        user = user_ref.require(context).await?;
        if user.id != confirmed.id || description(&user) != description(confirmed) {
            break;
        }
        if user.is_superuser == is_superuser {
            return Ok(());
        }
    }
    Err(Error::message(
        "the user's record was changed in the meantime, so nothing was done; try again",
    ))
}
