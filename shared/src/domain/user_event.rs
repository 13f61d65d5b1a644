//! Events for the deployer's other services: what happened to a user. An item in the table of events is the queue entry of one
//! event until the function `publish` has handed it to EventBridge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, user::Change, user_id::UserId};

/// The time for which an event is kept while it cannot be published.
pub const RETENTION: Duration = Duration::from_hours(14 * 24);

/// The kind of an event. EventBridge calls it the detail type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The user signed up.
    #[serde(rename = "user.created")]
    Created,
    /// The address was verified.
    #[serde(rename = "user.verified")]
    Verified,
    /// Names, language, address, pending address or superuser flag changed.
    #[serde(rename = "user.updated")]
    Updated,
    /// The password changed.
    #[serde(rename = "user.password_changed")]
    PasswordChanged,
    /// The operator disabled the account.
    #[serde(rename = "user.disabled")]
    Disabled,
    /// The operator enabled the account again.
    #[serde(rename = "user.enabled")]
    Enabled,
    /// The account was deleted.
    #[serde(rename = "user.deleted")]
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Verified,
        Self::Updated,
        Self::PasswordChanged,
        Self::Disabled,
        Self::Enabled,
        Self::Deleted,
    ];

    /// The name of the kind, such as `user.created`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "user.created",
            Self::Verified => "user.verified",
            Self::Updated => "user.updated",
            Self::PasswordChanged => "user.password_changed",
            Self::Disabled => "user.disabled",
            Self::Enabled => "user.enabled",
            Self::Deleted => "user.deleted",
        }
    }

    /// The kinds of event that a change to an account causes.
    #[must_use]
    pub const fn of(change: Change) -> &'static [Self] {
        match change {
            Change::SignedUp => &[Self::Created],
            Change::Details | Change::Email | Change::PendingEmailDiscarded => &[Self::Updated],
            Change::Password | Change::Reset => &[Self::PasswordChanged],
            // The former address was verified when the account had it.
            Change::Reverted => &[Self::Updated, Self::PasswordChanged],
            Change::EmailConfirmed => &[Self::Verified],
            Change::Deleted => &[Self::Deleted],
            // Always comes with `Change::Details`.
            Change::EmailRequested => &[],
        }
    }
}

/// An event, as stored in its item. It contains no data of the person but the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEvent {
    /// The id, 32 random hexadecimal digits. It is the same each time the event is delivered.
    pub id: String,
    /// The kind.
    pub kind: EventKind,
    /// The user.
    pub user: UserId,
    /// The value of the user's `record_version` after the change; of a deleted user, the next value. Events of one change have
    /// the same version.
    pub version: u64,
    /// The time of the change.
    pub occurred_at: Timestamp,
    /// The time from which DynamoDB may delete the item.
    pub expires_at: Timestamp,
}

impl UserEvent {
    /// The event with this id that happened at `now`.
    #[must_use]
    pub fn new(id: String, kind: EventKind, user: UserId, version: u64, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            user,
            version,
            occurred_at: now,
            expires_at: now + RETENTION,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_the_published_names() {
        for kind in EventKind::ALL {
            let stored = serde_json::to_value(kind).unwrap();
            assert_eq!(stored, kind.name());
        }
    }
}
