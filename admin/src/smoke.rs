//! `smoke`: tests a deployed API as a new user, and removes that user afterwards.

mod api;
mod expectations;
mod journey;
mod step;
mod test_user;

use serde_json::{Value, json};
use shared::{
    domain::{mail::RETENTION, user_event::EventKind, user_id::UserId},
    store::audit_trail::Deletion,
};

use self::{
    api::Api,
    journey::Journey,
    step::{Outcome, Step},
    test_user::{AccountState, TestUser},
};
use crate::{
    command_line::SmokeArgs,
    connection::Context,
    error::Error,
    report::{Report, span},
};

pub(crate) async fn run(context: &Context, args: &SmokeArgs) -> Result<Report, Error> {
    let api = Api::new(&args.api)?;
    let mut user = TestUser::new(&context.random);
    let mut journey = Journey::new(context, &api, args.mail_timeout);
    let is_complete = journey.run(&mut user).await;
    let cleanup = clean_up(context, &user).await;
    let mut lines: Vec<_> = journey.steps.iter().map(line).collect();
    lines.push(cleanup.describe(context, &user));
    let steps: Vec<_> = journey.steps.iter().map(to_json).collect();
    let left_behind = match &cleanup {
        Cleanup::Left { .. } => Some(user.username.as_str()),
        Cleanup::Removed | Cleanup::NothingToRemove => None,
    };
    let json = json!({"ok": is_complete, "steps": steps, "left_behind": left_behind});
    let is_clean = !matches!(
        cleanup,
        Cleanup::Left {
            is_failure: true,
            ..
        }
    );
    Ok(Report::new(lines.join("\n"), json).with_success(is_complete && is_clean))
}

fn line(step: &Step) -> String {
    match &step.outcome {
        Outcome::Passed => format!("ok    {}", step.name),
        Outcome::Skipped(reason) => format!("skip  {}: {reason}", step.name),
        Outcome::Failed(problem) => format!("FAIL  {}: {problem}", step.name),
    }
}

fn to_json(step: &Step) -> Value {
    let (problem, skipped) = match &step.outcome {
        Outcome::Passed => (None, None),
        Outcome::Skipped(reason) => (None, Some(reason)),
        Outcome::Failed(problem) => (Some(problem), None),
    };
    json!({"step": step.name, "problem": problem, "skipped": skipped})
}

/// The state in which a run leaves the tables.
enum Cleanup {
    /// The user was deleted.
    Removed,
    /// There is no such user.
    NothingToRemove,
    /// The user is still there, or may be.
    Left {
        reason: String,
        /// False if the operator did not name the table.
        is_failure: bool,
    },
}

impl Cleanup {
    fn describe(&self, context: &Context, user: &TestUser) -> String {
        let (username, table) = (&user.username, &context.users_table.name);
        match (self, user.account) {
            (Self::Removed, _) => format!(
                "The user {username} was deleted. Records of its mails and counters expire within {}.",
                span(RETENTION.as_secs())
            ),
            (Self::NothingToRemove, AccountState::Rejected) => "No user was created.".to_owned(),
            (Self::NothingToRemove, _) => {
                format!("No user was created: {username} is not in the table {table}.")
            }
            (Self::Left { reason, .. }, AccountState::Created(id)) => {
                format!("The user {username} (id {id}) is left in the table of users: {reason}")
            }
            (Self::Left { reason, .. }, _) => {
                format!("The user {username} may have been created: {reason}")
            }
        }
    }
}

/// Deletes the user, unless the last step did.
async fn clean_up(context: &Context, user: &TestUser) -> Cleanup {
    let table = &context.users_table;
    let left = |reason: String| Cleanup::Left {
        reason,
        is_failure: true,
    };
    if matches!(user.account, AccountState::Deleted) {
        return Cleanup::Removed;
    }
    if !table.is_explicit {
        if matches!(user.account, AccountState::Rejected) {
            return Cleanup::NothingToRemove;
        }
        return Cleanup::Left {
            reason: "name the table with --users-table to have it deleted.".to_owned(),
            is_failure: false,
        };
    }
    match remove(context, user).await {
        Ok(true) => Cleanup::Removed,
        Ok(false) if !matches!(user.account, AccountState::Created(_)) => Cleanup::NothingToRemove,
        Ok(false) => left(format!(
            "it is not in the table {}. Does the API use another one?",
            table.name
        )),
        Err(error) => left(format!("{error}.")),
    }
}

/// Deletes the user by its random username, also if the response to the sign-up was lost. Returns false if there is no
/// such user: the table may belong to another deployment.
async fn remove(context: &Context, user: &TestUser) -> Result<bool, Error> {
    let by_name = context
        .users
        .id_by_username(&user.parsed_username()?)
        .await?;
    let id = match (by_name, user.account) {
        (Some(id), _) => id,
        (None, AccountState::Created(id)) => {
            UserId::new(id).map_err(|error| Error::new("invalid id", &error))?
        }
        (None, AccountState::Rejected | AccountState::Unknown | AccountState::Deleted) => {
            return Ok(false);
        }
    };
    match context.users.by_id(id).await? {
        Some(found) if found.username.as_str() == user.username => {
            let now = context.clock.now()?;
            let deletion = Deletion::new(id, now, context.deletion_retention);
            let mut others = context.transient.forget(id);
            others.push(context.audit_trail.deletion(&deletion)?);
            let version = found.next_version();
            let events = context
                .user_events
                .of_kinds(&[EventKind::Deleted], id, version, now)?;
            others.extend(events);
            if context.users.remove(&found, now, others).await? {
                Ok(true)
            } else {
                Err(Error::message(
                    "its items do not match, so none was deleted",
                ))
            }
        }
        _ => Ok(false),
    }
}
