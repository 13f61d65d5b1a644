//! Queued mails: an item in the transient table is the queue entry of one mail. Also the limits on reset mails. The
//! function `send_mail` writes the content.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Timestamp, locale::Locale, settings::Limits, user::Change, user_id::UserId,
};

/// Minimum time that a mail's item is kept, so that a failed mail can be inspected and resent.
pub const RETENTION: Duration = Duration::from_hours(7 * 24);

/// The time from its request for which a mail is retried while it cannot be sent.
pub const RETRY_PERIOD: Duration = Duration::from_hours(36);

/// The time from its request after which a notice is no longer sent.
pub const NOTICE_LIFETIME: Duration = Duration::from_hours(24);

/// The length of the window in which reset mails to one account are counted.
pub const WINDOW: Duration = Duration::from_hours(24);

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
            // The item of this notice has more than the others: see `Outbox::deletion_notice`.
            Change::Deleted => None,
            Change::SignedUp
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
    /// The language of a reader whose record no longer exists.
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

/// The number of mails with a link of one kind that an account has had in the current window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The end of the cool-down: requests before it send no further mail.
    pub not_before: Timestamp,
    /// The number of mails in this window, including this one.
    pub count: u32,
    /// The end of the window.
    pub window_ends: Timestamp,
    /// The user's `password_version` when the first mail of this window was sent. If it differs from the current one,
    /// the password was reset or changed, and the quota starts afresh.
    #[serde(rename = "passwords", default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<u64>,
}

/// The decision on a request for one more reset mail.
#[derive(Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    /// Send a mail and store this quota.
    Send(Quota),
    /// The cool-down after the previous mail has not ended: send nothing, write nothing.
    CoolingDown,
    /// The quota of the window is used up.
    TooMany {
        /// Time until the next request can succeed.
        retry_after: Duration,
    },
}

impl Quota {
    /// Decides on a request at `now` by a user with this `password_version`. `is_elsewhere` is true if the previous
    /// mail was addressed to an address that the user no longer has: no cool-down applies then, but the mail counts.
    #[must_use]
    pub fn next(
        previous: Option<&Self>,
        password_version: Option<u64>,
        is_elsewhere: bool,
        now: Timestamp,
        limits: &Limits,
    ) -> QuotaDecision {
        let current = previous
            .filter(|quota| now < quota.window_ends && !quota.is_outdated(password_version));
        let Some(quota) = current else {
            let window_ends = now + WINDOW;
            return QuotaDecision::Send(Self {
                not_before: now + limits.reset_cool_down,
                count: 1,
                window_ends,
                password_version: None,
            });
        };
        if now < quota.not_before && !is_elsewhere {
            return QuotaDecision::CoolingDown;
        }
        if quota.count >= limits.reset_mails_per_day {
            return QuotaDecision::TooMany {
                retry_after: Duration::from_secs(quota.window_ends.seconds_since(now)),
            };
        }
        QuotaDecision::Send(Self {
            not_before: now + limits.reset_cool_down,
            count: quota.count + 1,
            ..quota.clone()
        })
    }

    /// Returns the quota after a mail at `now` that the user's own change causes, and that other limits bound: it is sent in
    /// any case, and counts.
    #[must_use]
    pub fn after_change(previous: Option<&Self>, now: Timestamp, limits: &Limits) -> Self {
        let current = previous.filter(|quota| now < quota.window_ends);
        Self {
            not_before: now + limits.reset_cool_down,
            count: current.map_or(1, |quota| quota.count.saturating_add(1)),
            window_ends: current.map_or(now + WINDOW, |quota| quota.window_ends),
            password_version: None,
        }
    }

    fn is_outdated(&self, password_version: Option<u64>) -> bool {
        matches!((self.password_version, password_version), (Some(counted), Some(current)) if counted != current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_000_000);
    const MINUTES: fn(u64) -> Duration = |minutes| Duration::from_secs(minutes * 60);

    fn limits() -> Limits {
        Limits {
            wrong_passwords: 5,
            max_wait: MINUTES(15),
            reset_cool_down: MINUTES(2),
            reset_mails_per_day: 5,
            email_changes_per_day: 5,
            password_changes_per_day: 20,
            mails_per_day: 20,
            by_source: None,
        }
    }

    fn quota_after(requests: u32) -> Quota {
        let mut quota = None;
        for request in 0..requests {
            let now = START + MINUTES(2 * u64::from(request));
            match Quota::next(quota.as_ref(), Some(1), false, now, &limits()) {
                QuotaDecision::Send(next) => quota = Some(next),
                other => panic!("{other:?}"),
            }
        }
        Quota {
            password_version: Some(1),
            ..quota.unwrap()
        }
    }

    #[test]
    fn a_request_within_the_cool_down_sends_nothing() {
        let next = |now| Quota::next(Some(&quota_after(1)), Some(1), false, now, &limits());
        assert_eq!(
            next(START + Duration::from_secs(119)),
            QuotaDecision::CoolingDown
        );
        assert!(matches!(
            next(START + MINUTES(2)),
            QuotaDecision::Send(Quota { count: 2, .. })
        ));
    }

    #[test]
    fn the_sixth_mail_waits_for_the_windows_end() {
        let next = |now| Quota::next(Some(&quota_after(5)), Some(1), false, now, &limits());
        assert_eq!(
            next(START + MINUTES(60)),
            QuotaDecision::TooMany {
                retry_after: MINUTES(23 * 60)
            }
        );
        assert!(matches!(
            next(START + WINDOW),
            QuotaDecision::Send(Quota { count: 1, .. })
        ));
    }

    #[test]
    fn a_mail_that_was_not_sent_does_not_count() {
        let next = |state, is_decoy| {
            let mail = Mail {
                kind: Kind::ResetPassword,
                user: UserId::PLACEHOLDER,
                address_hash: String::new(),
                address: None,
                verified: false,
                reverts: None,
                locale: None,
                nonce: String::new(),
                state,
                requested_at: START,
                expires_at: START,
                quota: Some(quota_after(5)),
            };
            let used = mail.used_quota(is_decoy);
            match Quota::next(used.as_ref(), Some(1), false, START + MINUTES(9), &limits()) {
                QuotaDecision::Send(quota) => Ok(quota.count),
                QuotaDecision::CoolingDown => Err("cooling down"),
                QuotaDecision::TooMany { .. } => Err("too many"),
            }
        };
        assert_eq!(next(State::Sent, false), Err("cooling down"));
        assert_eq!(next(State::Queued, false), Err("cooling down"));
        assert_eq!(next(State::Failed, false), Ok(5));
        assert_eq!(next(State::Dropped, false), Ok(5));
        assert_eq!(next(State::Failed, true), Err("cooling down"));
    }

    #[test]
    fn a_new_password_resets_count_and_cool_down() {
        let next = Quota::next(
            Some(&quota_after(5)),
            Some(2),
            false,
            START + MINUTES(8),
            &limits(),
        );
        assert!(matches!(
            next,
            QuotaDecision::Send(Quota {
                count: 1,
                password_version: None,
                ..
            })
        ));
    }
}
