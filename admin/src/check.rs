//! `check`: surveys a table of users before an upgrade. Stored names are never validated again, so no stricter rule locks a
//! user out, but an operator wants to know which users it concerns. Prints ids, and no address.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::{
    domain::{
        clock::Timestamp, email::EmailAddress, name::Name, user::User, user_id::UserId,
        username::Username,
    },
    store::{
        database::{Item, read},
        users::Users,
    },
};

use crate::{
    audit::ChangeKind,
    command_line::CheckArgs,
    connection::Context,
    error::Error,
    report::Report,
    restore::survey::{MarkerIssue, Survey},
    scan::{Estimate, Filter, Progress},
};

/// Maximum number of ids of a finding in the text. The JSON output has all.
const MAX_IDS_IN_TEXT: usize = 20;

/// Users whose stored values differ from what today's rules accept or compute.
#[derive(Default)]
struct Findings {
    users: usize,
    email: Vec<UserId>,
    username: Vec<UserId>,
    first_name: Vec<UserId>,
    last_name: Vec<UserId>,
    /// Users whose canonical address is other than today's rules compute it.
    canonical: Vec<UserId>,
}

pub(crate) async fn run(context: &Context, args: &CheckArgs) -> Result<Report, Error> {
    let table = &context.users_table.name;
    let info = context.scanner.describe(table).await?;
    let estimate = Estimate::of(&info);
    eprintln!("{}", estimate.sentence(table));
    if args.estimate {
        return Ok(Report::new("Nothing was read.", estimate.to_json()));
    }
    let mut findings = Findings::default();
    let mut survey = Survey::new("", Timestamp::from_unix(u64::MAX), HashSet::new());
    let take = |item: Item| {
        findings.take(&item);
        survey.take(item);
    };
    let progress = Progress::new(estimate.items());
    context
        .scanner
        .each_below(
            table,
            Filter::all(),
            estimate.units_per_second(),
            progress,
            take,
        )
        .await?;
    let (moved, kept) = if args.repair {
        context
            .record_before(ChangeKind::RepairAddresses, None, None)
            .await?;
        move_canonical(&context.users, &findings.canonical).await?
    } else {
        (Vec::new(), findings.canonical.clone())
    };
    Ok(report(&findings, &survey, &moved, &kept, &estimate))
}

/// Stores today's canonical address of each of `ids`, and moves its marker. Returns the ids that were moved, and those that
/// were not: another user has the address, or the record was changed at the same time.
async fn move_canonical(
    users: &Users,
    ids: &[UserId],
) -> Result<(Vec<UserId>, Vec<UserId>), Error> {
    let (mut moved, mut kept) = (Vec::new(), Vec::new());
    for id in ids {
        let is_moved = match users.with_disabled().by_id(*id).await? {
            Some(user) => match EmailAddress::parse(user.email.as_str()) {
                Ok(current) => users.move_canonical_email(&user, &current).await?,
                Err(_) => false,
            },
            None => false,
        };
        if is_moved {
            moved.push(*id);
        } else {
            kept.push(*id);
        }
    }
    Ok((moved, kept))
}

impl Findings {
    fn take(&mut self, item: &Item) {
        let Ok(user) = read::<User>(item.clone()) else {
            // The survey lists it.
            return;
        };
        self.users += 1;
        match EmailAddress::parse(user.email.as_str()) {
            Ok(email) if email.canonical() != user.email.canonical() => {
                self.canonical.push(user.id);
            }
            Ok(_) => {}
            Err(_) => self.email.push(user.id),
        }
        if Username::parse(user.username.as_str()).is_err() {
            self.username.push(user.id);
        }
        if Name::parse(user.first_name.as_str()).is_err() {
            self.first_name.push(user.id);
        }
        if Name::parse(user.last_name.as_str()).is_err() {
            self.last_name.push(user.id);
        }
    }
}

/// The users with one problem.
struct Problem {
    /// The name in the JSON output.
    name: &'static str,
    /// The description, after "users: " in the text.
    text: &'static str,
    users: Vec<UserId>,
}

/// Returns every kind of problem, also those that no user has. `kept` are the users whose canonical address was not moved.
fn problems(findings: &Findings, survey: &Survey, kept: &[UserId]) -> [Problem; 9] {
    let (mut missing, mut orphaned, mut conflicting) = (Vec::new(), Vec::new(), Vec::new());
    for issue in survey.issues() {
        match issue {
            MarkerIssue::Missing { user, .. } => missing.push(user),
            MarkerIssue::Orphaned { user, .. } => orphaned.push(user),
            MarkerIssue::Conflicting { users, .. } => conflicting.extend(users),
        }
    }
    let problem = |name, text, users: &[UserId]| Problem {
        name,
        text,
        users: users.to_vec(),
    };
    [
        problem(
            "email",
            "their e-mail address breaks today's rules",
            &findings.email,
        ),
        problem(
            "username",
            "their username breaks today's rules",
            &findings.username,
        ),
        problem(
            "first_name",
            "their first name breaks today's rules",
            &findings.first_name,
        ),
        problem(
            "last_name",
            "their last name breaks today's rules",
            &findings.last_name,
        ),
        problem(
            "canonical",
            "their canonical address is other than today's (--repair moves it)",
            kept,
        ),
        problem(
            "missing_marker",
            "a marker is missing, so they cannot be found by that name",
            &missing,
        ),
        problem(
            "orphaned_marker",
            "a marker leads to them, but they do not exist or have another name",
            &orphaned,
        ),
        problem(
            "conflicting",
            "they share an address or a username",
            &conflicting,
        ),
        problem(
            "unreadable",
            "their record cannot be deserialized",
            &survey.unreadable_users.iter().copied().collect::<Vec<_>>(),
        ),
    ]
}

fn report(
    findings: &Findings,
    survey: &Survey,
    moved: &[UserId],
    kept: &[UserId],
    estimate: &Estimate,
) -> Report {
    let mut lines = vec![format!("Users: {}.", findings.users)];
    if !moved.is_empty() {
        lines.push(format!("Canonical addresses moved: {}.", ids(moved)));
    }
    let unreadable_users = survey.unreadable_users.len();
    let mut json = json!({
        "users": findings.users,
        "moved": moved,
        "estimate": estimate.to_json(),
        "unknown_items": survey.unreadable.len().saturating_sub(unreadable_users),
    });
    let mut is_clean = survey.unreadable.is_empty();
    for Problem { name, text, users } in problems(findings, survey, kept) {
        if !users.is_empty() {
            is_clean = false;
            lines.push(format!("{} users: {text}: {}.", users.len(), ids(&users)));
        }
        if let Value::Object(members) = &mut json {
            members.insert(name.to_owned(), json!(users));
        }
    }
    if is_clean {
        lines.push(
            "Every stored value meets today's rules, and every marker has its user.".to_owned(),
        );
    }
    Report::new(lines.join("\n"), json).with_success(is_clean)
}

fn ids(ids: &[UserId]) -> String {
    let shown: Vec<_> = ids
        .iter()
        .take(MAX_IDS_IN_TEXT)
        .map(UserId::to_string)
        .collect();
    let more = ids.len().saturating_sub(MAX_IDS_IN_TEXT);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more (--json lists all)", shown.join(", "))
    }
}
