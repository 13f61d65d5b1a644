//! The number of mails with a link that an account may have in a day, and the time between two of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, settings::Limits};

/// The length of the window in which the mails with a link of one kind to one account are counted.
pub const WINDOW: Duration = Duration::from_hours(24);

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

/// The decision on a request for one more reset or confirmation mail.
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
    use crate::domain::{
        mail::{Kind, Mail, State},
        user_id::UserId,
    };

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
