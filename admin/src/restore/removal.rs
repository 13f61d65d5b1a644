//! Removes users from a restored table who were deleted after the backup.

use std::collections::BTreeSet;

use shared::{
    domain::user_id::UserId,
    store::{database, users::Users},
};

use super::{pace::Pace, prepare::back_off};
use crate::error::Error;

/// Attempts for one item while DynamoDB throttles or is unavailable: half a minute in all.
const MAX_ATTEMPTS: u32 = 11;
/// The write units that deleting a user or a marker consumes, as an estimate.
const UNITS: u32 = 1;

/// Deletes the `items`, which come with the deleted user that they belong to. Returns these users. Ends at the first item
/// that cannot be deleted: nothing may be prepared or used before all are.
pub(super) async fn remove_all(
    users: &Users,
    items: &[(String, UserId)],
    pace: &Pace,
) -> Result<BTreeSet<UserId>, Error> {
    for (key, id) in items {
        remove(users, key, *id, pace).await.map_err(|error| {
            Error::message(format!(
                "the deleted user {id} could not be removed: {}. Fix the cause and run this command again",
                Error::from(error)
            ))
        })?;
    }
    Ok(items.iter().map(|(_, id)| *id).collect())
}

async fn remove(users: &Users, key: &str, id: UserId, pace: &Pace) -> Result<(), database::Error> {
    let mut attempt = 1;
    loop {
        pace.wait(UNITS).await;
        match users.remove_restored(key, id).await {
            Err(database::Error::Unavailable { .. }) if attempt < MAX_ATTEMPTS => {
                pace.postpone(back_off(attempt));
                attempt += 1;
            }
            result => return result,
        }
    }
}
