//! A mail that was asked for: the item in the table is the queue. How often reset mails may be asked for is decided
//! here; what a mail says is `send_mail`'s business.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, settings::Limits, user::Change, user_id::UserId};

/// Time that a mail's item stays at least, so that one that failed can be looked at and replayed.
pub const RETENTION: Duration = Duration::from_hours(7 * 24);

/// The window in which reset mails to one account are counted.
pub const WINDOW: Duration = Duration::from_hours(24);

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The link that resets a forgotten password.
    ResetPassword,
    /// Notice that the password was changed.
    PasswordChanged,
    /// Notice, to the old address, that the account has another one.
    EmailChanged,
}

impl Kind {
    /// The notice that tells of a change, if one does.
    #[must_use]
    pub const fn notice_of(change: Change) -> Option<Self> {
        match change {
            Change::Password | Change::Reset => Some(Self::PasswordChanged),
            Change::Email => Some(Self::EmailChanged),
            Change::SignedUp | Change::Details => None,
        }
    }
}

/// How far a mail got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for, not sent yet.
    Queued,
    /// Taken by SES.
    Sent,
    /// Not wanted any more: the user no longer exists or has another address.
    Dropped,
    /// Refused for good; `reason` says why.
    Failed,
}

/// A mail's item.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    /// What it is about.
    pub kind: Kind,
    /// Whom it concerns.
    pub user: UserId,
    /// Hash of the canonical address it was asked for: should the user have another by now, it is dropped.
    #[serde(rename = "for")]
    pub address_hash: String,
    /// The address, where the user's record no longer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Names this asking; a later one has another.
    pub nonce: String,
    /// How far it got.
    pub state: State,
    /// When it was asked for.
    #[serde(rename = "asked_at")]
    pub requested_at: Timestamp,
    /// When DynamoDB may delete the item.
    pub expires_at: Timestamp,
    /// Only reset mails are counted.
    #[serde(flatten)]
    pub quota: Option<Quota>,
}

/// How many reset mails an account has had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Asking again before this instant sends no other mail.
    pub not_before: Timestamp,
    /// Mails in this window, this one included.
    pub count: u32,
    /// When the window ends.
    pub window_ends: Timestamp,
    /// The user's `password_version` when a mail of this window was first sent: another number by now means that the password
    /// was reset or changed, and the count with it is void.
    #[serde(rename = "passwords", default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<u64>,
}

/// What comes of asking for one more reset mail.
#[derive(Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    /// A mail is to be sent, and counted so.
    Send(Quota),
    /// The last one is on its way: nothing is sent and nothing written.
    CoolingDown,
    /// Too many for now.
    TooMany {
        /// When to ask again.
        retry_after: Duration,
    },
}

impl Quota {
    /// Decides on one more reset mail at `now`, for a user whose `password_version` are as given. If the last one went to
    /// another address, `is_elsewhere`, it is on its way to nobody and holds none back; it counts all the same.
    #[must_use]
    pub fn next(
        previous: Option<&Self>,
        password_version: Option<u64>,
        is_elsewhere: bool,
        now: Timestamp,
        limits: &Limits,
    ) -> QuotaDecision {
        let in_force =
            previous.filter(|quota| now < quota.window_ends && !quota.is_void(password_version));
        let Some(quota) = in_force else {
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

    fn is_void(&self, password_version: Option<u64>) -> bool {
        matches!((self.password_version, password_version), (Some(then), Some(now)) if then != now)
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
            by_source: None,
        }
    }

    fn asked(times: u32) -> Quota {
        let mut quota = None;
        for time in 0..times {
            let now = START + MINUTES(2 * u64::from(time));
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
    fn asking_within_the_cool_down_sends_nothing() {
        let next = |now| Quota::next(Some(&asked(1)), Some(1), false, now, &limits());
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
    fn the_sixth_within_a_day_is_too_many_and_told_when_the_window_ends() {
        let next = |now| Quota::next(Some(&asked(5)), Some(1), false, now, &limits());
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
    fn another_password_clears_the_count_and_the_cool_down() {
        let next = Quota::next(
            Some(&asked(5)),
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
