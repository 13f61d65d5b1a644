//! The table of audit records: which users were deleted, so that a restored backup does not bring them back, and what
//! operators changed. Records are only added. DynamoDB deletes each some time after its `expires_at` (TTL); nothing here
//! relies on the deletion.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{clock::Timestamp, user_id::UserId},
    store::database::{Committed, Database, Error, Write},
};

/// The table of audit records.
#[derive(Clone)]
pub struct AuditTrail {
    database: Database,
    table: String,
}

/// The record that a user was deleted. It contains the id and no other data of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The id of the user who was deleted. It is never given to another user.
    pub id: UserId,
    /// The time of the deletion.
    pub deleted_at: Timestamp,
    /// The time from which DynamoDB may delete the record.
    pub expires_at: Timestamp,
}

/// The record of a change that an operator made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorChange {
    /// The time of the change.
    pub changed_at: Timestamp,
    /// The operator: the ARN of an AWS identity, or `local`.
    pub operator: String,
    /// The kind of the change, such as `grant_superuser`.
    pub kind: String,
    /// The user whose account was changed; `None` for a change of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What the change was about, such as the name of a role; never data of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The time from which DynamoDB may delete the record.
    pub expires_at: Timestamp,
}

/// The shortest time for which the record of a deletion may be kept: one day more than DynamoDB's point-in-time recovery
/// reaches back.
pub const MIN_DELETION_RETENTION: Duration = Duration::from_hours(36 * 24);

/// The time for which the record of an operator's change is kept.
pub const CHANGE_RETENTION: Duration = Duration::from_hours(400 * 24);

const DELETED: &str = "deleted#";
const CHANGE: &str = "change#";

impl Deletion {
    /// The record that the user with this id is deleted at `now`, to be kept for `retention`.
    #[must_use]
    pub fn new(id: UserId, now: Timestamp, retention: Duration) -> Self {
        Self {
            id,
            deleted_at: now,
            expires_at: now + retention,
        }
    }
}

impl OperatorChange {
    /// The record that `operator` makes a change of this kind at `now`.
    #[must_use]
    pub fn new(operator: &str, kind: &str, user: Option<UserId>, now: Timestamp) -> Self {
        Self {
            changed_at: now,
            operator: operator.to_owned(),
            kind: kind.to_owned(),
            user,
            detail: None,
            expires_at: now + CHANGE_RETENTION,
        }
    }

    /// Adds what the change is about.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned());
        self
    }
}

impl AuditTrail {
    /// Uses the table of this name.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// Returns a write that records `deletion`, to be part of the transaction that deletes the user.
    ///
    /// A user that a restored backup brought back may be deleted again: the later deletion replaces the earlier one.
    pub fn deletion(&self, deletion: &Deletion) -> Result<Write, Error> {
        let key = format!("{DELETED}{}", deletion.id);
        let condition = "attribute_not_exists(#pk) OR #deleted_at <= :deleted_at";
        Write::put(&self.table, &key, deletion, condition)?.value("deleted_at", deletion.deleted_at)
    }

    /// Returns a write that records `change`, to be part of the transaction that makes the change.
    pub fn change(&self, change: &OperatorChange) -> Result<Write, Error> {
        let key = format!(
            "{CHANGE}{}#{}",
            change.changed_at,
            self.database.new_write_id()
        );
        Write::put(&self.table, &key, change, "attribute_not_exists(#pk)")
    }

    /// Records a change that is not part of a transaction.
    pub async fn record_change(&self, change: &OperatorChange) -> Result<(), Error> {
        let write = self.change(change)?;
        // The key is random: if its condition fails, an earlier attempt was applied and only its response was lost.
        self.database.write(&write).await.map(drop)
    }

    /// Carries out `writes` in one transaction with the record of `change`.
    pub async fn commit(
        &self,
        change: &OperatorChange,
        mut writes: Vec<Write>,
    ) -> Result<Committed, Error> {
        writes.push(self.change(change)?);
        self.database.transact(&writes).await
    }

    /// Returns every recorded deletion, ordered by id. Reads the whole table.
    ///
    /// # Errors
    /// An error if one record cannot be deserialized: a deletion must not be overlooked.
    pub async fn deletions(&self) -> Result<Vec<Deletion>, Error> {
        let mut deletions: Vec<Deletion> = self.database.scan(&self.table, DELETED).await?;
        deletions.sort_unstable_by_key(|deletion| deletion.id);
        Ok(deletions)
    }

    /// Returns every recorded change by an operator, newest first. Reads the whole table.
    ///
    /// # Errors
    /// An error if one record cannot be deserialized.
    pub async fn changes(&self) -> Result<Vec<OperatorChange>, Error> {
        let mut changes: Vec<OperatorChange> = self.database.scan(&self.table, CHANGE).await?;
        changes.sort_by_key(|change| std::cmp::Reverse(change.changed_at));
        Ok(changes)
    }
}
