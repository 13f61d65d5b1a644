//! Queued mails: an item in the transient table is the queue entry of one mail. The function `send_mail` writes the
//! content.

mod quota;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::quota::{Quota, QuotaDecision, WINDOW};
use crate::domain::{
    clock::Timestamp,
    locale::Locale,
    user::{Change, User},
    user_id::UserId,
};

/// Minimum time that a mail's item is kept, so that a failed mail can be inspected and resent.
pub const RETENTION: Duration = Duration::from_hours(7 * 24);

/// The time from its request for which a mail is retried while it cannot be sent.
pub const RETRY_PERIOD: Duration = Duration::from_hours(36);

/// The time from its request after which a notice is no longer sent.
pub const NOTICE_LIFETIME: Duration = Duration::from_hours(24);

/// The kind of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The mail with the link that resets a forgotten password.
    ResetPassword,
    /// The mail with the link that confirms the address.
    ConfirmEmail,
    /// The notice that the password was changed.
    PasswordChanged,
    /// The notice, to the old address, that the account's address was changed.
    EmailChanged,
    /// The notice, to the address in force, that another one was given and has to be confirmed.
    EmailChangeRequested,
    /// The notice, to a verified address, that the account was deleted.
    AccountDeleted,
}

impl Kind {
    /// The notice that a change triggers, if any.
    #[must_use]
    pub const fn notice_of(change: Change) -> Option<Self> {
        match change {
            Change::Password | Change::Reset | Change::Reverted => Some(Self::PasswordChanged),
            Change::Email => Some(Self::EmailChanged),
            Change::EmailRequested => Some(Self::EmailChangeRequested),
            // The item of the notice of a deletion has more than the others: see `Outbox::deletion_notice`.
            Change::Deleted
            | Change::SignedUp
            | Change::Details
            | Change::PendingEmailDiscarded
            | Change::EmailConfirmed => None,
        }
    }

    /// Returns true for a mail with a link that the user requested; the others are notices.
    #[must_use]
    pub const fn is_requested(self) -> bool {
        matches!(self, Self::ResetPassword | Self::ConfirmEmail)
    }
}

/// The delivery state of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Requested, not sent yet.
    Queued,
    /// Accepted by SES.
    Sent,
    /// Not sent because it is of no use any more; the item's attribute `detail` has the reason.
    Dropped,
    /// Permanently rejected, or given up; the item's attribute `detail` has the reason.
    Failed,
}

/// A mail, as stored in its item.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    /// The kind of the mail.
    pub kind: Kind,
    /// The user that the mail concerns.
    pub user: UserId,
    /// Hash of the canonical address at the time of the request. If the user has another address at delivery, the mail
    /// is dropped.
    #[serde(rename = "for")]
    pub address_hash: String,
    /// The address, if the user's record no longer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// True if `address` was verified at the time of the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// The number of the change of address that a link in this notice reverts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<u64>,
    /// The language of the reader, for a notice whose user may no longer exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Random identifier of this request; each later request has a new one.
    pub nonce: String,
    /// The delivery state.
    pub state: State,
    /// The time of the request.
    #[serde(rename = "asked_at")]
    pub requested_at: Timestamp,
    /// The time from which DynamoDB may delete the item.
    pub expires_at: Timestamp,
    /// The account's quota of mails with a link of this kind; `None` for notices.
    #[serde(flatten)]
    pub quota: Option<Quota>,
}

impl Mail {
    /// A mail of this kind that is requested at `now`, to the address with this hash. It has no address of its own, no link
    /// that reverts a change, and no quota.
    #[must_use]
    pub fn new(
        kind: Kind,
        user: UserId,
        address_hash: String,
        nonce: String,
        now: Timestamp,
    ) -> Self {
        Self {
            kind,
            user,
            address_hash,
            address: None,
            verified: false,
            reverts: None,
            locale: None,
            nonce,
            state: State::Queued,
            requested_at: now,
            expires_at: now + RETENTION,
            quota: None,
        }
    }

    /// The notice that `user` is deleted; `None` if the address was never verified. It has all that the mail needs, since the
    /// record will not exist.
    #[must_use]
    pub fn of_deletion(user: &User, nonce: String, now: Timestamp) -> Option<Self> {
        user.email_verified.then(|| Self {
            address: Some(user.email.as_str().to_owned()),
            verified: true,
            locale: user.locale.clone(),
            ..Self::new(Kind::AccountDeleted, user.id, user.email.hash(), nonce, now)
        })
    }

    /// Returns true for a mail that neither its age nor a limit may stop: it tells the owner of a verified address of a theft
    /// that no other mail can undo.
    #[must_use]
    pub const fn is_indispensable(&self) -> bool {
        self.reverts.is_some() || matches!(self.kind, Kind::AccountDeleted)
    }

    /// The quota as the next request finds it: a mail that was never sent does not count, and has no cool-down once it is
    /// certain that it will not be sent. A decoy, which is never sent, counts as if it were.
    #[must_use]
    pub fn used_quota(&self, is_decoy: bool) -> Option<Quota> {
        let quota = self.quota.as_ref()?;
        let unsent = Quota {
            count: quota.count.saturating_sub(1),
            ..quota.clone()
        };
        Some(match self.state {
            State::Queued if !is_decoy => unsent,
            State::Dropped | State::Failed if !is_decoy => Quota {
                not_before: self.requested_at,
                ..unsent
            },
            _ => quota.clone(),
        })
    }
}
