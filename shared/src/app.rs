//! The state of a function's process: settings, tables, keys, clock and randomness. The only place that reads the
//! environment, the system clock and the operating system's randomness.

mod attempt;
mod authenticate;
pub mod connection;
mod rate_limit;
mod session_response;
mod throttle;

use std::time::SystemTime;

use aws_config::SdkConfig;
use lambda_http::Request;

use self::rate_limit::Refused;
pub use self::{
    attempt::{Attempt, Contention, LostAttempts, LostRaces},
    authenticate::Caller,
    rate_limit::{CountedRequest, SourceCounter, SourceLimit},
    throttle::{Account, CURRENT_PASSWORD, Candidate},
};
use crate::{
    audit::Metric,
    auth::{
        session_token::{self, TokenConfig},
        signer::Signer,
        verifier::Verifier,
    },
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
        settings::{self, Settings},
        signing_algorithm::SigningAlgorithm,
    },
    http::{self, Error},
    store::{
        audit_trail::AuditTrail,
        counters::Counters,
        database::Database,
        keys::{Keys, TokenKind},
        outbox::Outbox,
        transient::Transient,
        user_events::UserEvents,
        users::Users,
    },
};

/// Everything a function needs, built once per process.
pub struct App {
    /// The settings.
    pub settings: Settings,
    /// The table of users.
    pub users: Users,
    /// The table of short-lived items.
    pub transient: Transient,
    /// The table of counters that strangers cause.
    pub counters: Counters,
    /// The table of audit records.
    pub audit_trail: AuditTrail,
    /// Provides the key that signs session tokens. Only sign-up and log-in may read it.
    pub signer: Signer,
    /// Provides the keys that verify session tokens.
    pub verifier: Verifier,
    /// Provides the key that signs access tokens. Only `token` may read it.
    pub access_signer: Signer,
    /// Provides the keys that verify access tokens.
    pub access_verifier: Verifier,
    /// Queues mails.
    pub outbox: Outbox,
    /// Queues events for the deployer's other services.
    pub user_events: UserEvents,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// The issuer and audience of session tokens.
    pub token_config: TokenConfig,
    /// The Lambda function's name; empty outside Lambda.
    pub function_name: String,
    /// The Lambda function's version; empty outside Lambda.
    pub function_version: String,
    /// The configuration for further SDK clients.
    pub aws: SdkConfig,
    refused: Refused,
}

/// The clock, randomness and password hasher of an [`App`]: the system's, or a test's.
#[derive(Clone)]
pub struct Providers {
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// Hashes passwords. Clones share one block of memory.
    pub hasher: Hasher,
}

/// The reason why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or invalid.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// The region, the credentials or TLS are missing or invalid.
    #[error(transparent)]
    Connection(#[from] connection::Error),
}

impl Providers {
    /// Returns the system's clock and randomness, and Argon2id with OWASP's parameters.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Clock::new(system_now),
            random: Random::new(system_random),
            hasher: Hasher::new(Params::OWASP),
        }
    }
}

impl App {
    /// Builds everything from the environment variables that `lookup` returns. Makes no connection.
    ///
    /// # Errors
    /// [`StartError`] names the missing or invalid setting.
    pub fn start(
        lookup: &dyn Fn(&str) -> Option<String>,
        providers: Providers,
    ) -> Result<Self, StartError> {
        let settings = Settings::read(lookup)?;
        let aws = connection::connect(lookup, settings.use_system_roots)?;
        Ok(Self::new(lookup, settings, providers, aws))
    }

    /// Builds everything from settings that were read through `lookup`, with SDK clients of the configuration `aws`.
    #[must_use]
    pub fn new(
        lookup: &dyn Fn(&str) -> Option<String>,
        settings: Settings,
        providers: Providers,
        aws: SdkConfig,
    ) -> Self {
        let Providers {
            clock,
            random,
            hasher,
        } = providers;
        let mut config = aws_sdk_dynamodb::config::Builder::from(&aws);
        config.set_endpoint_url(settings.dynamodb_endpoint.clone());
        let database = Database::new(
            &aws_sdk_dynamodb::Client::from_conf(config.build()),
            random.clone(),
        );
        let users = Users::new(database.clone(), &settings.users_table);
        let transient = Transient::new(database.clone(), &settings.transient_table);
        let counters = Counters::new(database.clone(), &settings.counters_table);
        let audit_trail = AuditTrail::new(database.clone(), &settings.audit_table);
        let session_keys = Keys::new(database.clone(), &settings.keys_table, TokenKind::Session);
        let user_events = UserEvents::new(database.clone(), settings.events.table.clone());
        let access_keys = Keys::new(database, &settings.keys_table, TokenKind::Access);
        let outbox = Outbox::new(
            transient.clone(),
            users.clone(),
            random.clone(),
            settings.limits.clone(),
            settings.mail.confirm_link_base.is_some(),
        );
        Self {
            signer: Signer::new(
                session_keys.clone(),
                SigningAlgorithm::Es256,
                clock.clone(),
                settings.session_lifetime,
            ),
            verifier: Verifier::new(session_keys, clock.clone()),
            access_signer: Signer::new(
                access_keys.clone(),
                settings.access_tokens.algorithm,
                clock.clone(),
                settings.access_tokens.lifetime,
            ),
            access_verifier: Verifier::new(access_keys, clock.clone()),
            token_config: TokenConfig {
                issuer: session_token::ISSUER.to_owned(),
                audience: settings.audience.clone(),
            },
            settings,
            users,
            transient,
            counters,
            audit_trail,
            outbox,
            user_events,
            hasher,
            clock,
            random,
            function_name: lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            function_version: lookup("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
            aws,
            refused: Refused::default(),
        }
    }
}

impl App {
    /// Increments a metric, unless it is a detailed one and those are turned off.
    pub fn count_metric(&self, metric: Metric) {
        if self.settings.detailed_metrics || !metric.is_detailed() {
            metric.count();
        }
    }

    /// Returns the issuer of access tokens: the setting, or the host that served the request.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no setting and API Gateway named no valid host.
    pub fn issuer(&self, request: &Request) -> Result<String, Error> {
        if let Some(issuer) = &self.settings.issuer {
            return Ok(issuer.clone());
        }
        let host = http::served_host(request)
            .ok_or_else(|| Error::internal("the event has no valid domain name"))?;
        Ok(format!("https://{host}"))
    }
}

/// Returns an environment variable of this process.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system clock"
)]
fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix(since_epoch.as_secs())
}

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the one source of randomness; nothing can continue without it"
)]
fn system_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system provides random bytes");
}
