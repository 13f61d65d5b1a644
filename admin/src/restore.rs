//! `restore`: prepares a restored table of users before it replaces the lost one. A backup brings back users who were
//! deleted since, sessions that have ended, and counters that reset links sent later may match. The users must be removed,
//! and the rest must be invalid, before anything reads the table.

mod outcome;
mod pace;
mod prepare;
mod removal;
pub(crate) mod survey;

use std::{
    collections::HashSet,
    fs,
    io::{self, Read as _},
    path::Path,
};

use shared::{
    domain::{
        password::{Hash, NewPassword, Policy},
        user_id::UserId,
    },
    store::users::Users,
};

use self::{
    outcome::Outcome,
    pace::Pace,
    prepare::{Change, Written, write_all},
    removal::remove_all,
    survey::{MarkerIssue, Survey},
};
use crate::{
    audit::ChangeKind, command_line::RestoreArgs, connection::Context, error::Error,
    report::Report, scan::Filter,
};

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
    record(context, args).await?;
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

/// Records that the table is prepared. If the audit records are lost, a restore must be possible all the same.
async fn record(context: &Context, args: &RestoreArgs) -> Result<(), Error> {
    let recorded = context
        .record_before(ChangeKind::Restore, None, Some(&args.table))
        .await;
    match recorded {
        Err(error) if args.without_deletions => {
            eprintln!("warning: this restore could not be recorded: {error}");
            Ok(())
        }
        recorded => recorded,
    }
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
