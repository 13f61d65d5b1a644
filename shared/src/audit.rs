//! Metrics and audit log for operators: a counter for each kind of event, and a log line for each change to an account.
//! Neither contains an address, a token, a password or any other value; metrics have no user as a dimension.

use crate::domain::{user::Change, user_id::UserId};

/// A counter for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A reset link was requested for a known address.
    ResetRequested,
    /// A reset link was requested for an unknown address.
    ResetUnknown,
    /// A password was reset.
    ResetCompleted,
    /// A reset token was rejected.
    ResetRefused,
    /// A log-in failed.
    LogInFailed,
    /// A request was over a rate limit, or an account was throttled.
    Limited,
    /// A limit by source address was not applied, since the counters were unavailable.
    LimitSkipped,
    /// A request was abandoned after repeated conflicts with concurrent requests.
    Conflict,
    /// SES accepted a mail.
    MailSent,
    /// A mail was rejected or given up, or it is still not sent minutes after its request.
    MailFailed,
    /// An event for other services could not be published for minutes.
    EventLate,
    /// A dependency was unavailable.
    Unavailable,
    /// A request failed because of a defect.
    Internal,
    /// A panic was caught.
    Panic,
}

impl Metric {
    /// The name of the metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetRequested => "reset_requested",
            Self::ResetUnknown => "reset_unknown",
            Self::ResetCompleted => "reset_completed",
            Self::ResetRefused => "reset_refused",
            Self::LogInFailed => "log_in_failed",
            Self::Limited => "limited",
            Self::LimitSkipped => "limit_skipped",
            Self::Conflict => "conflict",
            Self::MailSent => "mail_sent",
            Self::MailFailed => "mail_failed",
            Self::EventLate => "event_late",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Panic => "panic",
        }
    }

    /// Returns true if only `Monitoring=full` shows the metric.
    #[must_use]
    pub const fn is_detailed(self) -> bool {
        matches!(
            self,
            Self::LimitSkipped | Self::Conflict | Self::Internal | Self::Panic
        )
    }

    /// Increments the counter. Does nothing where no collector is installed, as on the local server.
    pub fn count(self) {
        metrics::counter!(self.name()).increment(1);
    }
}

/// Adds `user`, the user that the request concerns, to all further log lines of the request.
pub fn record_user(user: UserId) {
    tracing::Span::current().record("user", user.number());
}

/// Logs that a superuser read another user: both ids and the superuser's source address, but no value.
pub fn superuser_read(superuser: UserId, user: UserId, source: &str) {
    tracing::info!(
        superuser = superuser.number(),
        read_user = user.number(),
        source,
        "superuser read another user"
    );
}

/// Logs the changes to an account, a line each: the user, the source address and the kind, but no value.
pub fn account_changed(user: UserId, source: &str, changes: &[Change]) {
    for change in changes {
        tracing::info!(user = user.number(), source, ?change, "account changed");
    }
}

/// Counts a defect, by function and version: only defects of the new version roll back a gradual deployment.
pub fn count_defect(function: &str, version: &str) {
    let (function, version) = (function.to_owned(), version.to_owned());
    metrics::counter!("defect", "function" => function, "version" => version).increment(1);
}
