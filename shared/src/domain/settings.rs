//! The settings of a deployment, read once from environment variables and validated. There are no defaults here:
//! template.yaml has them, where operators see them. Only `app` reads the environment itself.

mod access_tokens;
mod edge;
mod environment;
mod events;
mod issuer;
mod limits;
mod mail;
mod pages;
mod session_cookie;

use std::time::Duration;

use self::environment::{DAY, Environment};
pub use self::{
    access_tokens::{AccessTokenClaim, AccessTokenSettings, UnknownClaim},
    edge::Edge,
    environment::Error,
    events::EventSettings,
    limits::{Limits, SourceLimits},
    mail::MailSettings,
    pages::LogoUrl,
    session_cookie::SessionCookie,
};
use crate::domain::{password, user::AddressRules};

/// All settings of a deployment, as template.yaml passes them to the functions.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
#[derive(Clone)]
pub struct Settings {
    /// Name of the table of users.
    pub users_table: String,
    /// Name of the table of items that may be lost: reset tokens and mails.
    pub transient_table: String,
    /// Name of the table of counters that strangers cause.
    pub counters_table: String,
    /// Name of the table of signing keys.
    pub keys_table: String,
    /// Name of the table of audit records.
    pub audit_table: String,
    /// The time for which the record of a deletion is kept.
    pub deletion_retention: Duration,
    /// `iss` of access tokens (RFC 7519); `None` for the host that served the request.
    pub issuer: Option<String>,
    /// `aud` of session tokens (RFC 7519).
    pub audience: String,
    /// Lifetime of a session, from log-in.
    pub session_lifetime: Duration,
    /// The cookie that contains session tokens; `None` if only the `Authorization` header does.
    pub session_cookie: Option<SessionCookie>,
    /// The access tokens for other services.
    pub access_tokens: AccessTokenSettings,
    /// The rules for new passwords.
    pub password_policy: password::Policy,
    /// True if a reset request for an unknown address returns 404; false if it returns 200, as for a known one.
    pub reveal_unknown_emails: bool,
    /// True if a log-in needs a verified address.
    pub require_verified_email: bool,
    /// True if another address takes effect only once it is confirmed.
    pub confirm_email_change: bool,
    /// The rate limits.
    pub limits: Limits,
    /// The sender, links and SES configuration of mails.
    pub mail: MailSettings,
    /// The logo of the hosted pages; `None` for the product's name alone.
    pub logo_url: Option<LogoUrl>,
    /// The events for the deployer's other services.
    pub events: EventSettings,
    /// The proxy in front of API Gateway that reports client addresses, if there is one.
    pub edge: Option<Edge>,
    /// True if TLS trusts the system's root certificates instead of the five embedded ones.
    pub use_system_roots: bool,
    /// Log level of our own crates. Libraries always log warnings and errors only.
    pub log_level: tracing::Level,
    /// CloudWatch namespace of the metrics.
    pub metrics_namespace: String,
    /// True if the metrics are written that no alarm of the default configuration uses: each costs money.
    pub detailed_metrics: bool,
    /// Endpoint of a DynamoDB outside AWS: the local server, a test, a proxy.
    pub dynamodb_endpoint: Option<String>,
    /// Endpoint of an SES outside AWS.
    pub ses_endpoint: Option<String>,
    /// Endpoint of an EventBridge outside AWS.
    pub event_bridge_endpoint: Option<String>,
    /// Endpoint of an EventBridge Scheduler outside AWS.
    pub scheduler_endpoint: Option<String>,
}

impl Settings {
    /// Reads all settings through `lookup`, which returns the value of an environment variable.
    ///
    /// # Errors
    /// [`Error`] for the first setting that is missing or invalid; its message contains the setting's name.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let environment = Environment(lookup);
        Ok(Self {
            users_table: environment.text("USERS_TABLE")?,
            transient_table: environment.text("TRANSIENT_TABLE")?,
            counters_table: environment.text("COUNTERS_TABLE")?,
            keys_table: environment.text("KEYS_TABLE")?,
            audit_table: environment.text("AUDIT_TABLE")?,
            deletion_retention: environment.duration("DELETION_RECORD_DAYS", DAY)?,
            issuer: issuer::read(&environment)?,
            audience: environment.text("AUDIENCE")?,
            session_lifetime: environment.duration("SESSION_DAYS", DAY)?,
            session_cookie: SessionCookie::read(&environment)?,
            access_tokens: AccessTokenSettings::read(&environment)?,
            password_policy: password::Policy {
                min_length: environment.parsed("PASSWORD_MIN_LENGTH")?,
            },
            reveal_unknown_emails: environment.parsed("REVEAL_UNKNOWN_EMAILS")?,
            require_verified_email: environment.parsed("REQUIRE_VERIFIED_EMAIL")?,
            confirm_email_change: mail::read_confirm_email_change(&environment)?,
            limits: Limits::read(&environment)?,
            mail: MailSettings::read(&environment)?,
            logo_url: environment.parsed_optional("LOGO_URL")?,
            events: EventSettings::read(&environment)?,
            edge: Edge::read(&environment)?,
            use_system_roots: environment.one_of("TRUST_STORE", "machine", "embedded")?,
            log_level: environment.parsed("LOG_LEVEL")?,
            metrics_namespace: environment.text("METRICS_NAMESPACE")?,
            detailed_metrics: environment.one_of("MONITORING", "full", "basic")?,
            dynamodb_endpoint: environment.optional("AWS_ENDPOINT_URL_DYNAMODB"),
            ses_endpoint: environment.optional("AWS_ENDPOINT_URL_SESV2"),
            event_bridge_endpoint: environment.optional("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            scheduler_endpoint: environment.optional("AWS_ENDPOINT_URL_SCHEDULER"),
        })
    }

    /// Returns the rules for changes of an address.
    #[must_use]
    pub fn address_rules(&self) -> AddressRules {
        AddressRules {
            revert_lifetime: self.mail.revert_lifetime(),
            confirm_first: self.confirm_email_change,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_setting() {
        let missing = Settings::read(&|_| None)
            .err()
            .map(|error| error.to_string());
        assert_eq!(missing.as_deref(), Some("setting USERS_TABLE: is not set"));
        let malformed = Settings::read(&|_| Some("many".to_owned()))
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            malformed.as_deref(),
            Some(
                r#"setting DELETION_RECORD_DAYS: "many" is invalid: invalid digit found in string"#
            )
        );
    }
}
