//! `restore`: makes a restored table of users fit to be put in the place of the lost one. A backup brings back sessions
//! that were signed out, and numbers that reset links may fit: both must be dead before anything reads the table.

mod survey;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use shared::store::users::Users;

use self::survey::{Fault, Survey};
use crate::{connection::Admin, failure::Failure, report::Report, scan::Filter};

/// Writes at once; at 5 ms each that is some 6,000 a second.
const AT_ONCE: usize = 32;

pub(crate) async fn run(
    admin: &Admin,
    table: &str,
    mend: bool,
    again: bool,
) -> Result<Report, Failure> {
    if table == admin.users_table {
        return Err(Failure::said(format!(
            "{table} is the table in use (--users-table), where everybody would be signed out: name the restored one"
        )));
    }
    // The same for every run on this table, so that an interrupted one can be gone on with.
    let writer = format!("restored#{table}");
    let mut survey = Survey::default();
    let take = |item| survey.take(item, &writer);
    admin.scanner.each(table, Filter::all(), take).await?;
    if survey.prepared > 0 && !survey.unprepared.is_empty() && !again {
        return Err(Failure::said(format!(
            "{} users of {table} are prepared and {} are not: either a run was interrupted, and --again goes on with it, \
             or the table is in use already, and --again would sign those out who signed in since",
            survey.prepared,
            survey.unprepared.len()
        )));
    }
    let users = Users::new(admin.database.clone(), table);
    prepare(&users, &survey, &writer).await?;
    let faults = survey.faults();
    let (mended, left) = if mend {
        mend_all(&users, faults).await?
    } else {
        (vec![], faults)
    };
    Ok(report(table, &survey, &mended, &left))
}

/// Ends sessions and links, for many users at once.
async fn prepare(users: &Users, survey: &Survey, writer: &str) -> Result<(), Failure> {
    stream::iter(&survey.unprepared)
        .map(|id| users.prepare_restored(*id, writer))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(Failure::from)
}

/// Mends what can be mended: what was, and what is left.
async fn mend_all(users: &Users, faults: Vec<Fault>) -> Result<(Vec<Fault>, Vec<Fault>), Failure> {
    let (mut mended, mut left) = (Vec::new(), Vec::new());
    for fault in faults {
        let is_mended = match &fault {
            Fault::Missing { key, user } => users.put_marker(key, *user).await?,
            Fault::Stray { key, user } => users.remove_marker(key, *user).await.map(|()| true)?,
            Fault::Disputed { .. } => false,
        };
        if is_mended {
            mended.push(fault);
        } else {
            left.push(fault);
        }
    }
    Ok((mended, left))
}

fn report(table: &str, survey: &Survey, mended: &[Fault], left: &[Fault]) -> Report {
    let prepared = survey.unprepared.len();
    let mut lines = vec![
        format!(
            "Users: {prepared} prepared now, {} before. Every session has ended, and every reset link is dead.",
            survey.prepared
        ),
        format!(
            "Markers: {} right, {} mended, {} wrong.",
            survey.right_markers(),
            mended.len(),
            left.len()
        ),
    ];
    lines.extend(
        mended
            .iter()
            .map(|fault| format!("mended: {}", fault.told())),
    );
    lines.extend(left.iter().map(|fault| format!("wrong: {}", fault.told())));
    lines.extend(
        survey
            .unreadable
            .iter()
            .map(|key| format!("wrong: the item {key} cannot be read")),
    );
    let is_good = left.is_empty() && survey.unreadable.is_empty();
    lines.push(next(table, left, is_good));
    let told = |faults: &[Fault]| faults.iter().map(Fault::told).collect::<Vec<_>>();
    let json: Value = json!({
        "table": table,
        "prepared": prepared,
        "prepared_before": survey.prepared,
        "right_markers": survey.right_markers(),
        "mended": told(mended),
        "wrong": told(left),
        "unreadable": survey.unreadable,
    });
    Report::new(lines.join("\n"), json).good_if(is_good)
}

/// What the operator does next.
fn next(table: &str, left: &[Fault], is_good: bool) -> String {
    let can_be_mended = |fault: &Fault| !matches!(fault, Fault::Disputed { .. });
    if is_good {
        format!(
            "Next, deploy the stack with UsersTableName={table}: docs/operating.md, \"Restore the table of users\"."
        )
    } else if left.iter().any(can_be_mended) {
        "Next, run this again with --mend.".to_owned()
    } else {
        "Next, see to these by hand, and run this again.".to_owned()
    }
}
