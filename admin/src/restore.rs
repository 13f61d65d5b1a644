//! `restore`: prepares a restored table of users before it replaces the lost one. A backup brings back users who were
//! deleted since, sessions that have ended, and counters that reset links sent later may match. The users must be removed,
//! and the rest must be invalid, before anything reads the table.

mod pace;
mod prepare;
mod removal;
pub(crate) mod survey;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    io::{self, Read as _},
    path::Path,
};

use serde_json::{Value, json};
use shared::{
    domain::{
        password::{Hash, NewPassword, Policy},
        user_id::UserId,
    },
    store::users::Users,
};

use self::{
    pace::Pace,
    prepare::{Change, Written, write_all},
    removal::remove_all,
    survey::{MarkerIssue, Survey},
};
use crate::{
    command_line::RestoreArgs, connection::Context, error::Error, report::Report, scan::Filter,
};

/// Results of a run.
struct Outcome {
    survey: Survey,
    /// The deleted users that were removed.
    removed: BTreeSet<UserId>,
    prepared: Written,
    /// Empty unless a list of ids was given.
    voided: Written,
    repaired: Vec<MarkerIssue>,
    unrepaired: Vec<MarkerIssue>,
}

pub(crate) async fn run(context: &Context, args: &RestoreArgs) -> Result<Report, Error> {
    let table = args.table.as_str();
    let to_void = match &args.void_passwords {
        Some(file) => read_ids(file)?,
        None => vec![],
    };
    let info = context.scanner.describe(table).await?;
    if !info.is_active {
        return Err(Error::message(format!(
            "{table} is still being restored; wait until its status is ACTIVE"
        )));
    }
    let deleted = read_deletions(context, args).await?;
    // The same in every run for this table, so that an interrupted run can be resumed.
    let mark = format!("restored#{table}");
    let mut survey = Survey::new(&mark, info.created_at, deleted);
    let take = |item| survey.take(item);
    context.scanner.each(table, Filter::all(), take).await?;
    check_not_in_use(context, args, &survey)?;
    let users = Users::new(context.database.clone(), table);
    let pace = Pace::new(info.max_write_units);
    // Before anything else is written: if the run is interrupted, the next one continues here.
    let removed = remove_all(&users, &survey.revived, &pace).await?;
    let prepared = write_all(&users, &survey.unprepared, &Change::Prepare, &mark, &pace).await?;
    let voided = if to_void.is_empty() {
        Written::default()
    } else {
        let hash = random_hash(context)?;
        write_all(&users, &to_void, &Change::VoidPassword(&hash), &mark, &pace).await?
    };
    let issues = survey.issues();
    let (repaired, unrepaired) = if args.repair {
        repair(&users, issues).await?
    } else {
        (vec![], issues)
    };
    let outcome = Outcome {
        survey,
        removed,
        prepared,
        voided,
        repaired,
        unrepaired,
    };
    Ok(outcome.report(table))
}

/// Returns the users whose deletion is recorded.
async fn read_deletions(context: &Context, args: &RestoreArgs) -> Result<HashSet<UserId>, Error> {
    if args.without_deletions {
        return Ok(HashSet::new());
    }
    let deletions = context.audit_trail.deletions().await.map_err(|error| {
        Error::message(format!(
            "the records of deletions could not be read, so deleted users would come back: {}. If they are lost, add \
             --without-deletions",
            Error::from(error)
        ))
    })?;
    Ok(deletions.into_iter().map(|deletion| deletion.id).collect())
}

/// Fails if the table is, or seems to be, the one that the functions use.
fn check_not_in_use(context: &Context, args: &RestoreArgs, survey: &Survey) -> Result<(), Error> {
    let table = &args.table;
    if args.in_use {
        return Ok(());
    }
    let confirm = "preparing it would sign everyone out; add --in-use to do it anyway";
    if *table == context.users_table.name {
        return Err(Error::message(format!(
            "{table} is the table in use (--users-table, USERS_TABLE), and {confirm}"
        )));
    }
    if survey.active_users > 0 {
        return Err(Error::message(format!(
            "{table} is in use: {} of its users signed up or logged in after the table was created, and {confirm}",
            survey.active_users
        )));
    }
    if survey.prepared > 0 && !survey.unprepared.is_empty() && !args.resume {
        return Err(Error::message(format!(
            "{} users of {table} are prepared and {} are not. If an earlier run was interrupted, continue it with \
             --resume. If the table is in use already, --resume signs those users out",
            survey.prepared,
            survey.unprepared.len()
        )));
    }
    Ok(())
}

/// Reads the ids of users, one a line. A write for one of them is assumed to consume one unit.
fn read_ids(file: &Path) -> Result<Vec<(UserId, u32)>, Error> {
    let name = file.display();
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text =
        text.map_err(|error| Error::message(format!("{name} could not be read: {error}")))?;
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            let id = UserId::parse(line.trim());
            let id = id.map_err(|error| {
                Error::message(format!("line {} of {name}: an id {error}", index + 1))
            })?;
            Ok((id, 1))
        })
        .collect()
}

/// The hash of a random password that is known to no one.
fn random_hash(context: &Context) -> Result<Hash, Error> {
    let failed =
        |error: &dyn std::error::Error| Error::new("a password could not be hashed", error);
    let random = &context.random;
    let password =
        NewPassword::parse(&random.name(), &Policy::default()).map_err(|error| failed(&error))?;
    let hash = context.hasher.hash(&password, random.bytes());
    hash.map_err(|error| failed(&error))
}

/// Repairs the markers that can be repaired. Returns the repaired and the remaining issues.
async fn repair(
    users: &Users,
    issues: Vec<MarkerIssue>,
) -> Result<(Vec<MarkerIssue>, Vec<MarkerIssue>), Error> {
    let (mut repaired, mut unrepaired) = (Vec::new(), Vec::new());
    for issue in issues {
        let is_repaired = match &issue {
            MarkerIssue::Missing { key, user } => users.put_marker(key, *user).await?,
            MarkerIssue::Orphaned { key, user } => {
                users.remove_marker(key, *user).await?;
                true
            }
            MarkerIssue::Conflicting { .. } => false,
        };
        if is_repaired {
            repaired.push(issue);
        } else {
            unrepaired.push(issue);
        }
    }
    Ok((repaired, unrepaired))
}

impl Outcome {
    fn report(&self, table: &str) -> Report {
        let failed = [("prepared", &self.prepared), ("voided", &self.voided)];
        let failed: Vec<_> = failed
            .into_iter()
            .flat_map(|(what, written)| {
                let describe =
                    move |(id, error): &(UserId, _)| format!("user {id} was not {what}: {error}");
                written.failed.iter().map(describe)
            })
            .collect();
        let unreadable = self
            .survey
            .unreadable
            .iter()
            .map(|key| format!("the item {key} cannot be deserialized"));
        let describe = |issues: &[MarkerIssue]| {
            let lines = issues.iter().map(MarkerIssue::describe);
            lines.collect::<Vec<_>>()
        };
        let (repaired, invalid) = (describe(&self.repaired), describe(&self.unrepaired));
        let label = |label: &'static str| move |line: &String| format!("{label}: {line}");
        let mut lines = self.summary(table);
        lines.extend(repaired.iter().map(label("repaired")));
        lines.extend(invalid.iter().map(label("invalid")));
        lines.extend(unreadable.map(|line| format!("invalid: {line}")));
        lines.extend(failed.iter().map(label("failed")));
        lines.push(self.next_step(table));
        let superusers = self.survey.superusers.iter();
        let superusers: Vec<_> = superusers
            .map(|(id, username)| json!({"id": id, "username": username}))
            .collect();
        let json: Value = json!({
            "table": table,
            "removed": self.removed,
            "prepared": self.prepared.done.len(),
            "prepared_before": self.survey.prepared,
            "superusers": superusers,
            "voided": self.voided.done,
            "unknown_ids": self.voided.missing,
            "valid_markers": self.survey.valid_markers(),
            "repaired": repaired,
            "invalid": invalid,
            "unreadable": self.survey.unreadable,
            "failed": failed,
        });
        Report::new(lines.join("\n"), json).with_success(self.is_success())
    }

    fn summary(&self, table: &str) -> Vec<String> {
        let survey = &self.survey;
        let mut lines = vec![format!(
            "Users: {} prepared now, {} before. Their sessions have ended and their reset links are invalid.",
            self.prepared.done.len(),
            survey.prepared
        )];
        if !self.removed.is_empty() {
            let ids: Vec<_> = self.removed.iter().map(UserId::to_string).collect();
            lines.push(format!(
                "Deleted users: {} removed, with their addresses and usernames: {}.",
                ids.len(),
                ids.join(", ")
            ));
        }
        lines.push(if survey.superusers.is_empty() {
            "Superusers: none.".to_owned()
        } else {
            let names: Vec<_> = survey
                .superusers
                .iter()
                .map(|(id, username)| format!("{username} (id {id})"))
                .collect();
            format!(
                "Superusers: {}. To revoke one: admin --users-table {table} superuser revoke id:…",
                names.join(", ")
            )
        });
        if !self.voided.done.is_empty() {
            lines.push(format!(
                "Passwords: {} voided. These users have to reset their password.",
                self.voided.done.len()
            ));
        }
        if !self.voided.missing.is_empty() {
            let ids: Vec<_> = self.voided.missing.iter().map(UserId::to_string).collect();
            lines.push(format!("Not in this table: {}.", ids.join(", ")));
        }
        lines.push(format!(
            "Markers: {} valid, {} repaired, {} invalid.",
            survey.valid_markers(),
            self.repaired.len(),
            self.unrepaired.len()
        ));
        lines
    }

    fn has_failed(&self) -> bool {
        !self.prepared.failed.is_empty() || !self.voided.failed.is_empty()
    }

    fn is_success(&self) -> bool {
        self.unrepaired.is_empty() && self.survey.unreadable.is_empty() && !self.has_failed()
    }

    /// The operator's next step.
    fn next_step(&self, table: &str) -> String {
        let is_repairable = |issue: &MarkerIssue| !matches!(issue, MarkerIssue::Conflicting { .. });
        let needs_repair = self.unrepaired.iter().any(is_repairable);
        if self.is_success() {
            format!(
                "Next, deploy the stack with UsersTableName={table}: \"Restore the table of users\" in docs/operating.md."
            )
        } else if self.has_failed() || !self.survey.unreadable.is_empty() {
            "Next, fix or delete these items by hand and run this command again with --resume."
                .to_owned()
        } else if needs_repair {
            "Next, run this command again with --repair.".to_owned()
        } else {
            "Next, fix these items by hand and run this command again.".to_owned()
        }
    }
}
