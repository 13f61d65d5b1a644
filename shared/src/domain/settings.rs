//! What an operator can set, read once from named values and checked. Knows no default: those stand in
//! template.yaml, where the operator sees them. The environment itself is read in `app` alone.

use std::{str::FromStr, time::Duration};

use crate::domain::password;

/// Every setting of a deployment, as template.yaml hands it to the functions.
#[derive(Clone)]
pub struct Settings {
    /// Name of the table of users.
    pub users_table: String,
    /// Name of the table of what may vanish: reset tokens, mails, counters.
    pub transient_table: String,
    /// Name of the table of signing keys.
    pub keys_table: String,
    /// `iss` of session tokens (RFC 7519).
    pub issuer: String,
    /// `aud` of session tokens (RFC 7519).
    pub audience: String,
    /// How long a session lives from log-in.
    pub session_lifetime: Duration,
    /// The rules for new passwords.
    pub password_policy: password::Policy,
    /// Whether asking for a reset tells that nobody has an address (404), or hides it (200).
    pub reveal_unknown_emails: bool,
    /// How often things may be done.
    pub limits: Limits,
    /// How mails look and where they come from.
    pub mail: MailSettings,
    /// What stands before API Gateway and tells a client's address, if anything does.
    pub edge: Option<Edge>,
    /// Whether TLS trusts the machine's store of root certificates instead of the five embedded ones.
    pub use_system_roots: bool,
    /// How much of our own doings is logged; libraries never log below a warning.
    pub log_level: tracing::Level,
    /// The CloudWatch namespace of our metrics.
    pub metrics_namespace: String,
    /// DynamoDB elsewhere than in AWS: the local server, a test, a proxy.
    pub dynamodb_endpoint: Option<String>,
    /// SES elsewhere than in AWS.
    pub ses_endpoint: Option<String>,
}

/// Something before API Gateway, such as CloudFront, whose word for a client's address is taken.
#[derive(Clone)]
pub struct Edge {
    /// SHA-256, in hex, of the secret by which it proves itself: the secret itself is in no environment.
    pub secret_hash: String,
    /// The header in which it gives the client's address, with or without a port.
    pub address_header: String,
}

/// How often things may be done before the answer is 429.
#[derive(Clone)]
pub struct Limits {
    /// Wrong passwords for one account that cost no wait.
    pub wrong_passwords: u32,
    /// The longest wait after wrong passwords.
    pub max_wait: Duration,
    /// Time after a reset mail in which asking again sends no other.
    pub reset_cool_down: Duration,
    /// Reset mails to one account in 24 hours.
    pub reset_mails_per_day: u32,
    /// From one source address in an hour; `None` where sources are not limited.
    pub by_source: Option<SourceLimits>,
}

/// How often one source address may do things in an hour.
#[derive(Clone)]
pub struct SourceLimits {
    /// Asking for a reset.
    pub resets: u32,
    /// Trying to complete a reset.
    pub completions: u32,
    /// Signing up.
    pub sign_ups: u32,
    /// Log-ins that failed.
    pub wrong_log_ins: u32,
}

/// How mails look and where they come from.
#[derive(Clone)]
pub struct MailSettings {
    /// The sender, as RFC 5322 writes it: `Name <local@domain>`.
    pub from: String,
    /// The name that mails give the product.
    pub product_name: String,
    /// The page that a reset link opens; the token is added as the query parameter `token`.
    pub reset_link_base: String,
    /// How long a reset link works after it was sent.
    pub reset_link_lifetime: Duration,
    /// SES configuration set, if one is used.
    pub configuration_set: Option<String>,
}

/// A setting is missing or makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("setting {name}: {problem}")]
pub struct Error {
    name: &'static str,
    problem: String,
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

impl Settings {
    /// Reads every setting through `lookup`, which knows environment variables by name.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or malformed.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let source = Environment(lookup);
        Ok(Self {
            users_table: source.text("USERS_TABLE")?,
            transient_table: source.text("TRANSIENT_TABLE")?,
            keys_table: source.text("KEYS_TABLE")?,
            issuer: source.text("ISSUER")?,
            audience: source.text("AUDIENCE")?,
            session_lifetime: source.duration("SESSION_DAYS", DAY)?,
            password_policy: password::Policy {
                min_length: source.parsed("PASSWORD_MIN_LENGTH")?,
            },
            reveal_unknown_emails: source.parsed("REVEAL_UNKNOWN_EMAILS")?,
            limits: Limits::read(&source)?,
            mail: MailSettings::read(&source)?,
            edge: Edge::read(&source)?,
            use_system_roots: source.one_of("TRUST_STORE", "machine", "embedded")?,
            log_level: source.parsed("LOG_LEVEL")?,
            metrics_namespace: source.text("METRICS_NAMESPACE")?,
            dynamodb_endpoint: source.optional("AWS_ENDPOINT_URL_DYNAMODB"),
            ses_endpoint: source.optional("AWS_ENDPOINT_URL_SESV2"),
        })
    }
}

impl Edge {
    fn read(source: &Environment) -> Result<Option<Self>, Error> {
        let Some(secret_hash) = source.optional("EDGE_SECRET_HASH") else {
            return Ok(None);
        };
        let address_header = source.text("CLIENT_ADDRESS_HEADER")?;
        Ok(Some(Self {
            secret_hash,
            address_header,
        }))
    }
}

impl Limits {
    fn read(source: &Environment) -> Result<Self, Error> {
        let by_source = source.one_of("SOURCE_LIMITS", "on", "off")?;
        Ok(Self {
            wrong_passwords: source.parsed("LIMIT_WRONG_PASSWORDS")?,
            max_wait: source.duration("LIMIT_MAX_WAIT_SECONDS", 1)?,
            reset_cool_down: source.duration("RESET_COOL_DOWN_SECONDS", 1)?,
            reset_mails_per_day: source.parsed("RESET_MAILS_PER_DAY")?,
            by_source: by_source.then_some(SourceLimits {
                resets: source.parsed("LIMIT_RESETS_PER_HOUR")?,
                completions: source.parsed("LIMIT_COMPLETIONS_PER_HOUR")?,
                sign_ups: source.parsed("LIMIT_SIGN_UPS_PER_HOUR")?,
                wrong_log_ins: source.parsed("LIMIT_WRONG_LOG_INS_PER_HOUR")?,
            }),
        })
    }
}

impl MailSettings {
    fn read(source: &Environment) -> Result<Self, Error> {
        Ok(Self {
            from: source.text("MAIL_FROM")?,
            product_name: source.text("PRODUCT_NAME")?,
            reset_link_base: source.text("RESET_LINK_BASE")?,
            reset_link_lifetime: source.duration("RESET_LINK_HOURS", HOUR)?,
            configuration_set: source.optional("CONFIGURATION_SET"),
        })
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// The value, if there is one that is not empty: CloudFormation has no way to leave a variable out.
    fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Result<String, Error> {
        self.optional(name).ok_or_else(|| Error {
            name,
            problem: "is not set".to_owned(),
        })
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &'static str) -> Result<T, Error> {
        let text = self.text(name)?;
        text.parse().map_err(|error| Error {
            name,
            problem: format!("{text:?} is invalid: {error}"),
        })
    }

    fn duration(&self, name: &'static str, unit_seconds: u64) -> Result<Duration, Error> {
        let units: u32 = self.parsed(name)?;
        Ok(Duration::from_secs(u64::from(units) * unit_seconds))
    }

    fn one_of(&self, name: &'static str, yes: &str, no: &str) -> Result<bool, Error> {
        match self.text(name)? {
            text if text == yes => Ok(true),
            text if text == no => Ok(false),
            text => Err(Error {
                name,
                problem: format!("{text:?} is neither {yes} nor {no}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_malformed_setting_is_named() {
        let nothing = Settings::read(&|_| None)
            .err()
            .map(|error| error.to_string());
        assert_eq!(nothing.as_deref(), Some("setting USERS_TABLE: is not set"));
        let words = Settings::read(&|_| Some("many".to_owned()))
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            words.as_deref(),
            Some(r#"setting SESSION_DAYS: "many" is invalid: invalid digit found in string"#)
        );
    }
}
