//! The tables, in AWS or on the local server, with DynamoDB's clock and this machine's randomness.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig,
};
use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, SharedCredentialsProvider, SharedHttpClient},
};
use aws_smithy_http_client::{
    Builder, Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use clap::Args;
use shared::{
    app::Providers,
    domain::{password::Hasher, random::Random},
    store::{
        audit_trail::AuditTrail,
        counters::Counters,
        database::Database,
        keys::{Keys, TokenKind},
        transient::Transient,
        user_events::UserEvents,
        users::Users,
    },
};

use crate::{
    error::Error,
    operator::{Operator, is_loopback},
    scan::Scanner,
    server_clock::ServerClock,
};

/// The options that locate the tables.
#[expect(
    clippy::doc_markdown,
    reason = "clap prints these comments as plain text"
)]
#[derive(Args)]
#[command(next_help_heading = "Connection options")]
pub(crate) struct TableArgs {
    /// Endpoint of DynamoDB, such as the local server's http://127.0.0.1:8000; over plain http no credentials are needed
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_DYNAMODB"
    )]
    endpoint_url: Option<String>,
    /// AWS profile that gives the credentials [default: the AWS SDK's default chain]
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// AWS region [default: the AWS SDK's default chain]
    #[arg(long, global = true, value_name = "NAME")]
    region: Option<String>,
    /// Table of users: the stack's output UsersTableName [default: UsersTable]
    #[arg(long, global = true, value_name = "NAME", env = "USERS_TABLE")]
    users_table: Option<String>,
    /// Table of mails and reset tokens: the stack's output TransientTableName [default: TransientTable]
    #[arg(long, global = true, value_name = "NAME", env = "TRANSIENT_TABLE")]
    transient_table: Option<String>,
    /// Table of counters: the stack's output CountersTableName [default: CountersTable]
    #[arg(long, global = true, value_name = "NAME", env = "COUNTERS_TABLE")]
    counters_table: Option<String>,
    /// Table of signing keys: the stack's output KeysTableName [default: KeysTable]
    #[arg(long, global = true, value_name = "NAME", env = "KEYS_TABLE")]
    keys_table: Option<String>,
    /// Table of audit records: the stack's output AuditTableName [default: AuditTable]
    #[arg(long, global = true, value_name = "NAME", env = "AUDIT_TABLE")]
    audit_table: Option<String>,
    /// Table of events: the stack's output EventsTableName, if it has one [default: changes cause no events]
    #[arg(long, global = true, value_name = "NAME", env = "EVENTS_TABLE")]
    events_table: Option<String>,
    /// Days for which the record of a deletion is kept: the stack's parameter DeletionRecordDays
    #[arg(
        long,
        global = true,
        value_name = "DAYS",
        env = "DELETION_RECORD_DAYS",
        default_value_t = 36,
        value_parser = clap::value_parser!(u64).range(36..=36_500)
    )]
    deletion_record_days: u64,
}

/// The tables and providers that every command works with.
pub(crate) struct Context {
    pub(crate) users: Users,
    pub(crate) transient: Transient,
    pub(crate) counters: Counters,
    pub(crate) session_keys: Keys,
    pub(crate) access_keys: Keys,
    pub(crate) audit_trail: AuditTrail,
    pub(crate) user_events: UserEvents,
    pub(crate) operator: Operator,
    pub(crate) deletion_retention: Duration,
    pub(crate) database: Database,
    pub(crate) scanner: Scanner,
    pub(crate) clock: ServerClock,
    pub(crate) random: Random,
    pub(crate) hasher: Hasher,
    pub(crate) users_table: TableName,
    pub(crate) transient_table: TableName,
    pub(crate) counters_table: TableName,
}

/// The name of a table.
pub(crate) struct TableName {
    pub(crate) name: String,
    /// True if the operator named the table or the endpoint. False if the name is only the local server's default.
    pub(crate) is_explicit: bool,
}

/// The region for endpoints outside AWS, which ignore it.
const LOCAL_REGION: &str = "eu-central-1";

impl Context {
    /// Resolves region and credentials as the AWS tools do. Sends no request to a table yet.
    pub(crate) async fn connect(args: &TableArgs) -> Result<Self, Error> {
        let Providers {
            clock,
            random,
            hasher,
        } = Providers::system();
        let clock = ServerClock::new(clock);
        let (config, operator) = config(args).await?;
        let client = Client::from_conf(config.interceptor(clock.clone()).build());
        let database = Database::new(&client, random.clone());
        let users_table = args.table(args.users_table.as_ref(), "UsersTable");
        let transient_table = args.table(args.transient_table.as_ref(), "TransientTable");
        let counters_table = args.table(args.counters_table.as_ref(), "CountersTable");
        let keys_table = args.table(args.keys_table.as_ref(), "KeysTable");
        let events_table = args.events_table.clone();
        let events_table = events_table.filter(|name| !name.is_empty());
        let audit_table = args.table(args.audit_table.as_ref(), "AuditTable");
        Ok(Self {
            users: Users::new(database.clone(), &users_table.name),
            transient: Transient::new(database.clone(), &transient_table.name),
            counters: Counters::new(database.clone(), &counters_table.name),
            session_keys: Keys::new(database.clone(), &keys_table.name, TokenKind::Session),
            access_keys: Keys::new(database.clone(), &keys_table.name, TokenKind::Access),
            audit_trail: AuditTrail::new(database.clone(), &audit_table.name),
            user_events: UserEvents::new(database.clone(), events_table),
            operator,
            deletion_retention: Duration::from_hours(args.deletion_record_days * 24),
            database,
            scanner: Scanner::new(client),
            clock,
            random,
            hasher,
            users_table,
            transient_table,
            counters_table,
        })
    }
}

impl TableArgs {
    fn table(&self, option: Option<&String>, default: &str) -> TableName {
        // A shell sets a variable to nothing if it could not find the value.
        let given = option.filter(|name| !name.is_empty());
        TableName {
            name: given.map_or(default, String::as_str).to_owned(),
            is_explicit: given.is_some() || self.endpoint_url.is_some(),
        }
    }
}

/// Returns the configuration of the DynamoDB client, and the source of the operator's identity.
async fn config(args: &TableArgs) -> Result<(aws_sdk_dynamodb::config::Builder, Operator), Error> {
    let endpoint = args.endpoint_url.as_deref();
    if endpoint.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(Error::message(
            "--endpoint-url must begin with http:// or https://",
        ));
    }
    let is_local = endpoint.is_some_and(|url| url.starts_with("http://"));
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    if let Some(profile) = &args.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &args.region {
        loader = loader.region(Region::new(region.clone()));
    } else if is_local {
        loader = loader.region(Region::new(LOCAL_REGION));
    }
    let sdk_config = loader.load().await;
    let mut config = aws_sdk_dynamodb::config::Builder::from(&sdk_config);
    let mut sts_config = aws_sdk_sts::config::Builder::from(&sdk_config);
    if is_local {
        // The local server ignores them, but the SDK signs every request.
        let credentials = Credentials::new("local", "local", None, None, "local");
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)));
    }
    if let Some(profile) = &args.profile {
        // The default chain would prefer credentials in the environment, and turn to the instance's role if there is no
        // such profile.
        let provider = ProviderConfig::default()
            .with_http_client(http_client())
            .with_region(sdk_config.region().cloned());
        let profile = ProfileFileCredentialsProvider::builder()
            .profile_name(profile)
            .configure(&provider)
            .build();
        let profile = SharedCredentialsProvider::new(profile);
        sts_config.set_credentials_provider(Some(profile.clone()));
        if !is_local {
            config.set_credentials_provider(Some(profile));
        }
    }
    if endpoint.is_some() {
        config.set_endpoint_url(args.endpoint_url.clone());
    }
    let operator = if endpoint.is_some_and(is_loopback) {
        Operator::Local
    } else {
        Operator::Aws(aws_sdk_sts::Client::from_conf(sts_config.build()))
    };
    Ok((config, operator))
}

/// Trusts the certificates that this machine trusts, so that it also works behind a company's proxy.
fn http_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .build_https()
}

/// The same, for requests outside the SDK.
pub(crate) fn connector() -> Connector {
    Connector::builder()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .build()
}
