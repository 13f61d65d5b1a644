//! `smoke`: goes through a user's journey at a deployed address, and removes the user again.

mod api;
mod journey;

use serde_json::json;
use shared::domain::user_id::UserId;

use self::{
    api::Api,
    journey::{Journey, Step, Traveller},
};
use crate::{connection::Admin, failure::Failure, report::Report};

pub(crate) async fn run(admin: &Admin, base: &str) -> Result<Report, Failure> {
    let api = Api::at(base)?;
    let mut traveller = Traveller::new(admin);
    let mut journey = Journey::through(&api);
    let went_well = journey.go(&mut traveller).await;
    let stays = clean_up(admin, &traveller).await;
    let mut lines: Vec<_> = journey.steps.iter().map(line).collect();
    lines.push(
        stays
            .clone()
            .unwrap_or_else(|| "The user was removed again.".to_owned()),
    );
    let steps: Vec<_> = journey
        .steps
        .iter()
        .map(|step| json!({"step": step.name, "problem": step.problem}))
        .collect();
    let json = json!({"ok": went_well, "steps": steps, "stays": stays});
    Ok(Report::new(lines.join("\n"), json).good_if(went_well))
}

fn line(step: &Step) -> String {
    match &step.problem {
        None => format!("ok    {}", step.name),
        Some(problem) => format!("FAIL  {}: {problem}", step.name),
    }
}

/// Removes the user; what stays, if anything does, and why.
async fn clean_up(admin: &Admin, traveller: &Traveller) -> Option<String> {
    let id = traveller.id.and_then(|id| UserId::new(id).ok())?;
    let Traveller {
        username, email, ..
    } = traveller;
    let stays = |why: &str| {
        Some(format!(
            "{username} (id {id}, {email}) stays in the table of users: {why}"
        ))
    };
    if !admin.is_placed {
        return stays("name the table with --users-table to have the user removed.");
    }
    match remove(admin, id, username).await {
        Ok(true) => None,
        Ok(false) => stays(&format!("it is not in the table {}.", admin.users_table)),
        Err(failure) => stays(&format!("{failure}.")),
    }
}

/// Only the very user who signed up: the table named may belong to another deployment.
async fn remove(admin: &Admin, id: UserId, username: &str) -> Result<bool, Failure> {
    match admin.users.by_id(id).await? {
        Some(user) if user.username.as_str() == username => Ok(admin.users.remove(&user).await?),
        _ => Ok(false),
    }
}
