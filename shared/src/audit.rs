//! What operators want to know of what happened: metrics by outcome, and one line for each change of an account.
//! Never an address, a token, a password or any other value; a metric has no personal dimension either.

use crate::domain::{user::Change, user_id::UserId};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A reset link was asked for an address that somebody has.
    ResetRequested,
    /// A reset link was asked for an address that nobody has.
    ResetUnknown,
    /// A password was reset.
    ResetCompleted,
    /// A reset token was no good.
    ResetRefused,
    /// A log-in failed.
    LogInFailed,
    /// Something was asked too often.
    Limited,
    /// A request lost two races in a row.
    Conflict,
    /// SES took a mail.
    MailSent,
    /// SES rejected a mail for good.
    MailFailed,
    /// We could not reach what we need.
    Unavailable,
    /// A defect of ours.
    Internal,
    /// A panic was caught.
    Panic,
}

impl Metric {
    /// The metric's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetRequested => "reset_requested",
            Self::ResetUnknown => "reset_unknown",
            Self::ResetCompleted => "reset_completed",
            Self::ResetRefused => "reset_refused",
            Self::LogInFailed => "log_in_failed",
            Self::Limited => "limited",
            Self::Conflict => "conflict",
            Self::MailSent => "mail_sent",
            Self::MailFailed => "mail_failed",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Panic => "panic",
        }
    }

    /// Counts one. Where nobody collects, on a laptop, nothing happens.
    pub fn count(self) {
        metrics::counter!(self.name()).increment(1);
    }
}

/// Names `user` in every line that is logged of the request from here on: who it is about, signed in or not.
pub fn record_user(user: UserId) {
    tracing::Span::current().record("user", user.number());
}

/// Notes that `user` was changed: who, from where, what kind. Never a value.
pub fn account_changed(user: UserId, source: &str, change: Change) {
    tracing::info!(user = user.number(), source, ?change, "account changed");
}
