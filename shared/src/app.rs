//! What a function works with: settings, tables, keys, clock and chance, built once per process. The only place that
//! reads the environment, the machine's clock and its source of randomness.

mod caller;
pub mod connection;

use std::time::SystemTime;

use aws_config::SdkConfig;

pub use self::caller::{CURRENT_PASSWORD, Caller};
use crate::{
    auth::{session_token::TokenConfig, signer::Signer, verifier::Verifier},
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
        settings::{self, Settings},
    },
    store::{database::Database, keys::Keys, outbox::Outbox, transient::Transient, users::Users},
};

/// What a function works with.
pub struct App {
    /// What the operator set.
    pub settings: Settings,
    /// The table of users.
    pub users: Users,
    /// The table of what may vanish.
    pub transient: Transient,
    /// The key to sign tokens with; only sign-up and log-in have the right to read it.
    pub signer: Signer,
    /// The keys to check tokens with.
    pub verifier: Verifier,
    /// Where mails are asked for.
    pub outbox: Outbox,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bytes.
    pub random: Random,
    /// Whom tokens are issued by and meant for.
    pub token_config: TokenConfig,
    /// What Lambda calls the function; empty elsewhere.
    pub function: String,
    /// The version of it that runs; empty elsewhere.
    pub version: String,
    /// What further SDK clients are made from.
    pub aws: SdkConfig,
}

/// What an [`App`] does not make itself.
#[derive(Clone)]
pub struct Providers {
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bytes.
    pub random: Random,
    /// Hashes passwords; clones share one block of memory.
    pub hasher: Hasher,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or malformed.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// AWS cannot be reached for want of a region, credentials or TLS.
    #[error(transparent)]
    Connection(#[from] connection::Error),
}

impl Providers {
    /// The system's clock and randomness, and OWASP's parameters for Argon2id.
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
    /// Makes everything from the environment variables that `lookup` knows. Reaches out to nothing.
    ///
    /// # Errors
    /// [`StartError`] names what is missing or malformed.
    pub fn start(
        lookup: &dyn Fn(&str) -> Option<String>,
        providers: Providers,
    ) -> Result<Self, StartError> {
        let settings = Settings::read(lookup)?;
        let aws = connection::connect(lookup, settings.use_system_roots)?;
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
        let keys = Keys::new(database, &settings.keys_table);
        let outbox = Outbox::new(
            transient.clone(),
            users.clone(),
            random.clone(),
            settings.limits.clone(),
        );
        Ok(Self {
            signer: Signer::new(keys.clone(), clock.clone(), settings.session_lifetime),
            verifier: Verifier::new(keys, clock.clone()),
            token_config: TokenConfig {
                issuer: settings.issuer.clone(),
                audience: settings.audience.clone(),
            },
            settings,
            users,
            transient,
            outbox,
            hasher,
            clock,
            random,
            function: lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            version: lookup("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
            aws,
        })
    }
}

/// Looks an environment variable of this process up.
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
    reason = "the one place that reads the machine's clock"
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
    reason = "the one source of randomness; without it nothing may go on"
)]
fn system_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system provides random bytes");
}
