//! The rate limits.

use std::time::Duration;

use super::environment::{Environment, Error};

/// The rate limits. A request over a limit returns 429.
#[derive(Clone)]
pub struct Limits {
    /// Number of wrong passwords for one account that causes the first wait.
    pub wrong_passwords: u32,
    /// Maximum wait after wrong passwords.
    pub max_wait: Duration,
    /// Minimum time between two reset mails to one account.
    pub reset_cool_down: Duration,
    /// Maximum number of reset mails to one account in 24 hours.
    pub reset_mails_per_day: u32,
    /// Maximum number of changes of one account's address in 24 hours.
    pub email_changes_per_day: u32,
    /// Maximum number of changes of one account's password in 24 hours.
    pub password_changes_per_day: u32,
    /// Maximum number of mails of all kinds to one address in 24 hours.
    pub mails_per_day: u32,
    /// Limits for each source address; `None` if source addresses are not limited.
    pub by_source: Option<SourceLimits>,
}

/// Maximum numbers of requests from one source address in an hour.
#[derive(Clone)]
pub struct SourceLimits {
    /// Requests for a reset mail.
    pub resets: u32,
    /// Attempts to use a link: to complete a reset, to confirm an address, to return to a former one.
    pub completions: u32,
    /// Sign-ups.
    pub sign_ups: u32,
    /// Failed log-ins.
    pub wrong_log_ins: u32,
    /// Changes to an address that another user has.
    pub taken_addresses: u32,
}

impl Limits {
    pub(super) fn read(environment: &Environment) -> Result<Self, Error> {
        let by_source = environment.one_of("SOURCE_LIMITS", "on", "off")?;
        Ok(Self {
            wrong_passwords: environment.parsed("LIMIT_WRONG_PASSWORDS")?,
            max_wait: environment.duration("LIMIT_MAX_WAIT_SECONDS", 1)?,
            reset_cool_down: environment.duration("RESET_COOL_DOWN_SECONDS", 1)?,
            reset_mails_per_day: environment.parsed("RESET_MAILS_PER_DAY")?,
            email_changes_per_day: environment.parsed("LIMIT_EMAIL_CHANGES_PER_DAY")?,
            password_changes_per_day: environment.parsed("LIMIT_PASSWORD_CHANGES_PER_DAY")?,
            mails_per_day: environment.parsed("LIMIT_MAILS_PER_DAY")?,
            by_source: by_source.then_some(SourceLimits {
                resets: environment.parsed("LIMIT_RESETS_PER_HOUR")?,
                completions: environment.parsed("LIMIT_COMPLETIONS_PER_HOUR")?,
                sign_ups: environment.parsed("LIMIT_SIGN_UPS_PER_HOUR")?,
                wrong_log_ins: environment.parsed("LIMIT_WRONG_LOG_INS_PER_HOUR")?,
                taken_addresses: environment.parsed("LIMIT_TAKEN_PER_HOUR")?,
            }),
        })
    }
}
