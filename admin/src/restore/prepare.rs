//! The writes to users of a restored table. A user that cannot be written does not stop the others.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::{
    domain::{password::Hash, user_id::UserId},
    store::{database, users::Users},
};

use super::pace::Pace;
use crate::error::Error;

/// Concurrent writes.
const CONCURRENCY: usize = 32;
/// Attempts for one user while DynamoDB throttles or is unavailable: half a minute in all.
const MAX_ATTEMPTS: u32 = 11;
/// Failed users after which the run ends: the cause is then not in their records.
const MAX_FAILURES: usize = 100;

/// The write to make.
pub(crate) enum Change<'a> {
    /// Ends the user's sessions and invalidates reset links.
    Prepare,
    /// Replaces the password by this hash.
    VoidPassword(&'a Hash),
}

/// The result for many users.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) done: Vec<UserId>,
    /// Users that are not in the table.
    pub(crate) missing: Vec<UserId>,
    pub(crate) failed: Vec<(UserId, database::Error)>,
}

/// Makes `change` to each of `targets`, which come with the write units that it consumes.
pub(crate) async fn write_all(
    users: &Users,
    targets: &[(UserId, u32)],
    change: &Change<'_>,
    mark: &str,
    pace: &Pace,
) -> Result<Written, Error> {
    let mut written = Written::default();
    let mut results = stream::iter(targets)
        .map(|(id, units)| async move {
            let result = write(users, *id, *units, change, mark, pace).await;
            (*id, result)
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((id, result)) = results.next().await {
        match result {
            Ok(true) => written.done.push(id),
            Ok(false) => written.missing.push(id),
            Err(error) => written.failed.push((id, error)),
        }
        if written.failed.len() >= MAX_FAILURES {
            let error = written.failed.swap_remove(0).1;
            let reason = Error::from(error);
            return Err(Error::message(format!(
                "stopped after {MAX_FAILURES} users could not be written: {reason}. Fix the cause and continue with --resume"
            )));
        }
    }
    written.done.sort_unstable();
    written.failed.sort_unstable_by_key(|(id, _)| *id);
    Ok(written)
}

/// Returns false if the user is not in the table.
async fn write(
    users: &Users,
    id: UserId,
    units: u32,
    change: &Change<'_>,
    mark: &str,
    pace: &Pace,
) -> Result<bool, database::Error> {
    let mut attempt = 1;
    loop {
        pace.wait(units).await;
        let result = match change {
            Change::Prepare => users.prepare_restored(id, mark).await,
            Change::VoidPassword(hash) => users.void_password(id, hash, mark).await,
        };
        match result {
            Err(database::Error::Unavailable { .. }) if attempt < MAX_ATTEMPTS => {
                pace.postpone(back_off(attempt));
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// The delay after a failed attempt: 200 ms after the first, doubled each time, up to 5 s.
pub(super) fn back_off(attempt: u32) -> Duration {
    Duration::from_millis(100 << attempt.min(6)).min(Duration::from_secs(5))
}
