//! The settings of a deployment, read once from environment variables and validated. There are no defaults here:
//! template.yaml has them, where operators see them. Only `app` reads the environment itself.

use std::{str::FromStr, time::Duration};

use crate::domain::{
    color::Color, locale::Language, password, signing_algorithm::SigningAlgorithm,
    user::AddressRules,
};

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
    /// Endpoint of an EventBridge Scheduler outside AWS.
    pub scheduler_endpoint: Option<String>,
}

/// The access tokens for other services.
#[derive(Clone)]
pub struct AccessTokenSettings {
    /// The algorithm of new keys.
    pub algorithm: SigningAlgorithm,
    /// The longest lifetime of a token.
    pub lifetime: Duration,
    /// The values of `aud` that a client may choose from; the first one is the default. Never empty, and without
    /// [`Settings::audience`].
    pub audiences: Vec<String>,
    /// The claims about the user in addition to the id and the roles.
    pub claims: Vec<AccessTokenClaim>,
}

/// An optional claim of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenClaim {
    /// `username`.
    Username,
    /// `email`.
    Email,
    /// `email_verified`.
    EmailVerified,
}

/// A trusted proxy in front of API Gateway, such as CloudFront, that reports client addresses.
#[derive(Clone)]
pub struct Edge {
    /// SHA-256 hashes, in hex, of the secrets that the proxy may send: one, or two while the secret is replaced. The
    /// secrets themselves are in no environment variable.
    pub secret_hashes: Vec<String>,
    /// Name of the header with the client's address, with or without a port.
    pub address_header: String,
    /// True if requests without the secret are rejected.
    pub is_required: bool,
}

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
    /// Attempts to complete a reset.
    pub completions: u32,
    /// Sign-ups.
    pub sign_ups: u32,
    /// Failed log-ins.
    pub wrong_log_ins: u32,
    /// Changes to an address that another user has.
    pub taken_addresses: u32,
}

/// The sender, links and SES configuration of mails.
#[derive(Clone)]
pub struct MailSettings {
    /// The sender, in the form of RFC 5322: `Name <local@domain>`.
    pub from: String,
    /// The product's name in mails.
    pub product_name: String,
    /// The URL of the page that a reset link opens; the token is added as the query parameter `token`.
    pub reset_link_base: String,
    /// The URL of the page that a confirmation link opens; the token is added as the query parameter `key`. `None` if no
    /// confirmation mails are sent.
    pub confirm_link_base: Option<String>,
    /// The URL of the page that a revert link opens; the token is added as the query parameter `key`. `None` if no such
    /// links are sent.
    pub revert_link_base: Option<String>,
    /// The time from a change of address for which its revert link is valid and the former address is reserved.
    pub revert_link_lifetime: Duration,
    /// Lifetime of a reset link or a confirmation link, from sending.
    pub reset_link_lifetime: Duration,
    /// The e-mail address or https URL at which users get help; `None` if notices name none.
    pub support_contact: Option<String>,
    /// The language of mails to users of whom no other is known.
    pub default_language: Language,
    /// The colour of buttons; `None` for a neutral one.
    pub brand_color: Option<Color>,
    /// A line at the end of every mail, such as the company and its address; `None` for none.
    pub footer: Option<String>,
    /// Name of the SES configuration set, if one is used.
    pub configuration_set: Option<String>,
    /// Name of the group of EventBridge schedules that retry mails.
    pub retry_group: String,
    /// ARN of the role with which EventBridge Scheduler invokes `send_mail`.
    pub retry_role: String,
}

/// A missing or invalid setting.
#[derive(Debug, thiserror::Error)]
#[error("setting {name}: {problem}")]
pub struct Error {
    name: &'static str,
    problem: String,
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

impl Settings {
    /// Reads all settings through `lookup`, which returns the value of an environment variable.
    ///
    /// # Errors
    /// [`Error`] for the first setting that is missing or invalid; its message contains the setting's name.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let environment = Environment(lookup);
        let mail = MailSettings::read(&environment)?;
        Ok(Self {
            users_table: environment.text("USERS_TABLE")?,
            transient_table: environment.text("TRANSIENT_TABLE")?,
            counters_table: environment.text("COUNTERS_TABLE")?,
            keys_table: environment.text("KEYS_TABLE")?,
            audit_table: environment.text("AUDIT_TABLE")?,
            deletion_retention: environment.duration("DELETION_RECORD_DAYS", DAY)?,
            issuer: read_issuer(&environment)?,
            audience: environment.text("AUDIENCE")?,
            session_lifetime: environment.duration("SESSION_DAYS", DAY)?,
            access_tokens: AccessTokenSettings::read(&environment)?,
            password_policy: password::Policy {
                min_length: environment.parsed("PASSWORD_MIN_LENGTH")?,
            },
            reveal_unknown_emails: environment.parsed("REVEAL_UNKNOWN_EMAILS")?,
            require_verified_email: environment.parsed("REQUIRE_VERIFIED_EMAIL")?,
            confirm_email_change: read_confirm_email_change(&environment, &mail)?,
            limits: Limits::read(&environment)?,
            mail,
            edge: Edge::read(&environment)?,
            use_system_roots: environment.one_of("TRUST_STORE", "machine", "embedded")?,
            log_level: environment.parsed("LOG_LEVEL")?,
            metrics_namespace: environment.text("METRICS_NAMESPACE")?,
            detailed_metrics: environment.one_of("MONITORING", "full", "basic")?,
            dynamodb_endpoint: environment.optional("AWS_ENDPOINT_URL_DYNAMODB"),
            ses_endpoint: environment.optional("AWS_ENDPOINT_URL_SESV2"),
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

fn read_confirm_email_change(
    environment: &Environment,
    mail: &MailSettings,
) -> Result<bool, Error> {
    let name = "CONFIRM_EMAIL_CHANGE";
    let is_on = environment.parsed(name)?;
    if is_on && mail.confirm_link_base.is_none() {
        return Err(Error {
            name,
            problem: "is true without CONFIRM_LINK_BASE: no new address could be confirmed"
                .to_owned(),
        });
    }
    Ok(is_on)
}

/// The default of version 0.1.0, when `ISSUER` was the claim of session tokens.
const FORMER_ISSUER: &str = "latchkey";

/// Reads the issuer: a URL to which verifiers append `/.well-known/openid-configuration`.
fn read_issuer(environment: &Environment) -> Result<Option<String>, Error> {
    let issuer = environment
        .optional("ISSUER")
        .filter(|issuer| issuer != FORMER_ISSUER);
    let is_url = |issuer: &str| {
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| issuer.strip_prefix(scheme));
        host.is_some_and(|host| !host.is_empty() && !host.ends_with('/'))
    };
    match issuer {
        Some(issuer) if !is_url(&issuer) => Err(Error {
            name: "ISSUER",
            problem: format!("{issuer:?} is not a URL without a slash at its end"),
        }),
        issuer => Ok(issuer),
    }
}

impl AccessTokenSettings {
    fn read(environment: &Environment) -> Result<Self, Error> {
        let name = "ACCESS_TOKEN_AUDIENCES";
        let audiences = environment.text(name)?;
        let audiences: Vec<_> = audiences.split(',').map(str::to_owned).collect();
        if audiences.iter().any(String::is_empty) {
            return Err(Error {
                name,
                problem: "contains an empty name".to_owned(),
            });
        }
        // No verifier may accept a session token for an access token.
        if audiences.contains(&environment.text("AUDIENCE")?) {
            return Err(Error {
                name,
                problem: "contains AUDIENCE, the audience of session tokens".to_owned(),
            });
        }
        let claims = environment.optional("ACCESS_TOKEN_CLAIMS");
        let claims = claims.iter().flat_map(|names| names.split(','));
        Ok(Self {
            algorithm: environment.parsed("ACCESS_TOKEN_ALGORITHM")?,
            lifetime: environment.duration("ACCESS_TOKEN_SECONDS", 1)?,
            audiences,
            claims: claims
                .map(|claim| parse("ACCESS_TOKEN_CLAIMS", claim))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The text names no claim.
#[derive(Debug, thiserror::Error)]
#[error("must be username, email or email_verified")]
pub struct UnknownClaim;

impl AccessTokenClaim {
    const ALL: [Self; 3] = [Self::Username, Self::Email, Self::EmailVerified];

    /// The claim's name in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
        }
    }
}

impl FromStr for AccessTokenClaim {
    type Err = UnknownClaim;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|claim| claim.name() == text);
        named.ok_or(UnknownClaim)
    }
}

impl Edge {
    fn read(environment: &Environment) -> Result<Option<Self>, Error> {
        let hashes = ["EDGE_SECRET_HASH", "EDGE_SECRET_HASH_NEXT"];
        let secret_hashes: Vec<_> = hashes
            .into_iter()
            .filter_map(|name| environment.optional(name))
            .collect();
        let is_required: bool = environment.parsed("REQUIRE_EDGE")?;
        if secret_hashes.is_empty() {
            // Otherwise the functions would accept everything that they are meant to reject, or reject everything.
            return if is_required {
                Err(Error {
                    name: "REQUIRE_EDGE",
                    problem: "is true without EDGE_SECRET_HASH".to_owned(),
                })
            } else {
                Ok(None)
            };
        }
        let address_header = environment.text("CLIENT_ADDRESS_HEADER")?;
        // API Gateway appends the address of its peer, which is the edge: all clients would share its counters.
        if address_header.eq_ignore_ascii_case("x-forwarded-for") {
            return Err(Error {
                name: "CLIENT_ADDRESS_HEADER",
                problem: "X-Forwarded-For ends with the address of the edge itself, which API Gateway appends; have the \
                          edge send the client's address in a header of its own"
                    .to_owned(),
            });
        }
        Ok(Some(Self {
            secret_hashes,
            address_header,
            is_required,
        }))
    }

    /// Returns true if a secret with this SHA-256 hash is the edge's.
    #[must_use]
    pub fn has_secret(&self, hash: &str) -> bool {
        self.secret_hashes.iter().any(|known| known == hash)
    }
}

impl Limits {
    fn read(environment: &Environment) -> Result<Self, Error> {
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

impl MailSettings {
    /// Returns the time for which a former address is reserved, if links take accounts back to them.
    #[must_use]
    pub fn revert_lifetime(&self) -> Option<Duration> {
        let has_page = self.revert_link_base.is_some();
        has_page.then_some(self.revert_link_lifetime)
    }

    fn read(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            from: environment.text("MAIL_FROM")?,
            product_name: environment.text("PRODUCT_NAME")?,
            reset_link_base: environment.text("RESET_LINK_BASE")?,
            confirm_link_base: environment.optional("CONFIRM_LINK_BASE"),
            revert_link_base: environment.optional("REVERT_LINK_BASE"),
            revert_link_lifetime: environment.duration("REVERT_LINK_DAYS", DAY)?,
            reset_link_lifetime: environment.duration("RESET_LINK_HOURS", HOUR)?,
            support_contact: environment.optional("SUPPORT_CONTACT"),
            default_language: environment.parsed("DEFAULT_LANGUAGE")?,
            brand_color: environment.parsed_optional("BRAND_COLOR")?,
            footer: environment.optional("MAIL_FOOTER"),
            configuration_set: environment.optional("CONFIGURATION_SET"),
            retry_group: environment.text("MAIL_RETRY_GROUP")?,
            retry_role: environment.text("MAIL_RETRY_ROLE")?,
        })
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// The value, or `None` if it is unset or empty: CloudFormation cannot omit a variable.
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
        parse(name, &self.text(name)?)
    }

    fn parsed_optional<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Error> {
        let text = self.optional(name);
        text.map(|text| parse(name, &text)).transpose()
    }

    fn duration(&self, name: &'static str, unit_seconds: u64) -> Result<Duration, Error> {
        let units: u32 = self.parsed(name)?;
        Ok(Duration::from_secs(u64::from(units) * unit_seconds))
    }

    /// True for the value `on`, false for `off`.
    fn one_of(&self, name: &'static str, on: &str, off: &str) -> Result<bool, Error> {
        match self.text(name)? {
            text if text == on => Ok(true),
            text if text == off => Ok(false),
            text => Err(Error {
                name,
                problem: format!("{text:?} is neither {on} nor {off}"),
            }),
        }
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(name: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error| Error {
        name,
        problem: format!("{text:?} is invalid: {error}"),
    })
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
            Some(r#"setting ISSUER: "many" is not a URL without a slash at its end"#)
        );
    }

    #[test]
    fn an_issuer_is_a_url_to_which_a_path_can_be_appended() {
        let read = |issuer: &str| {
            let issuer = issuer.to_owned();
            let lookup = move |_: &str| Some(issuer.clone());
            read_issuer(&Environment(&lookup)).ok()
        };
        for unset in ["", "latchkey"] {
            assert_eq!(read(unset), Some(None), "{unset}");
        }
        for url in ["https://id.example.com", "http://127.0.0.1:3000"] {
            assert_eq!(read(url), Some(Some(url.to_owned())));
        }
        for invalid in ["example", "https://", "https://id.example.com/", "ftp://x"] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn audiences_differ_from_that_of_session_tokens() {
        let read = |audiences: &str, claims: &str| {
            let (audiences, claims) = (audiences.to_owned(), claims.to_owned());
            let lookup = move |name: &str| match name {
                "AUDIENCE" => Some("latchkey".to_owned()),
                "ACCESS_TOKEN_AUDIENCES" => Some(audiences.clone()),
                "ACCESS_TOKEN_CLAIMS" => Some(claims.clone()),
                "ACCESS_TOKEN_ALGORITHM" => Some("RS256".to_owned()),
                _ => Some("300".to_owned()),
            };
            AccessTokenSettings::read(&Environment(&lookup))
                .map_err(|error| error.to_string())
                .map(|settings| (settings.audiences, settings.claims))
        };
        let two = vec!["orders".to_owned(), "billing".to_owned()];
        assert_eq!(read("orders,billing", ""), Ok((two.clone(), vec![])));
        let claims = vec![AccessTokenClaim::EmailVerified, AccessTokenClaim::Username];
        assert_eq!(
            read("orders,billing", "email_verified,username"),
            Ok((two, claims))
        );
        for audiences in ["orders,latchkey", "orders,", ",", ""] {
            assert!(read(audiences, "").is_err(), "{audiences}");
        }
        assert!(read("orders", "password_hash").is_err());
    }
}
