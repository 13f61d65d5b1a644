//! What every command works with: the tables, wherever they are, this machine's clock and chance.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, SharedHttpClient},
};
use aws_smithy_http_client::{
    Builder, Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use shared::{
    app::Providers,
    domain::{clock::Clock, random::Random},
    store::{database::Database, keys::Keys, transient::Transient, users::Users},
};

use crate::{command_line::Place, failure::Failure, scan::Scanner};

/// What every command works with.
pub(crate) struct Admin {
    pub(crate) users: Users,
    pub(crate) transient: Transient,
    pub(crate) keys: Keys,
    pub(crate) database: Database,
    pub(crate) scanner: Scanner,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) users_table: String,
    pub(crate) transient_table: String,
    /// Whether the operator said where the tables are; if not, the names are only the local server's defaults.
    pub(crate) is_placed: bool,
}

/// The region that tables outside AWS are asked in: they do not care.
const LOCAL_REGION: &str = "eu-central-1";

impl Admin {
    /// Finds region and credentials where every AWS tool finds them. Asks no table yet.
    pub(crate) async fn connect(place: &Place) -> Result<Self, Failure> {
        let client = Client::from_conf(config(place).await?);
        let Providers { clock, random, .. } = Providers::system();
        let database = Database::new(&client, random.clone());
        // A shell sets a variable that it could not find out to nothing.
        let name = |given: &Option<String>, default: &str| {
            let given = given.clone().filter(|name| !name.is_empty());
            given.unwrap_or_else(|| default.to_owned())
        };
        let users_table = name(&place.users_table, "UsersTable");
        let transient_table = name(&place.transient_table, "TransientTable");
        let keys_table = name(&place.keys_table, "KeysTable");
        Ok(Self {
            users: Users::new(database.clone(), &users_table),
            transient: Transient::new(database.clone(), &transient_table),
            keys: Keys::new(database.clone(), &keys_table),
            database,
            scanner: Scanner::new(client),
            clock,
            random,
            users_table,
            transient_table,
            is_placed: place
                .users_table
                .as_deref()
                .is_some_and(|name| !name.is_empty())
                || place.endpoint_url.is_some(),
        })
    }
}

async fn config(place: &Place) -> Result<aws_sdk_dynamodb::Config, Failure> {
    let endpoint = place.endpoint_url.as_deref();
    if endpoint.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(Failure::said(
            "--endpoint-url must begin with http:// or https://",
        ));
    }
    let is_local = endpoint.is_some_and(|url| url.starts_with("http://"));
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    if let Some(profile) = &place.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &place.region {
        loader = loader.region(Region::new(region.clone()));
    } else if is_local {
        loader = loader.region(Region::new(LOCAL_REGION));
    }
    if is_local {
        // Nothing checks them, but the SDK wants something to sign with.
        loader =
            loader.credentials_provider(Credentials::new("local", "local", None, None, "local"));
    }
    let mut config = aws_sdk_dynamodb::config::Builder::from(&loader.load().await);
    if endpoint.is_some() {
        config.set_endpoint_url(place.endpoint_url.clone());
    }
    Ok(config.build())
}

/// Trusts what this machine trusts, so that it works behind a company's proxy too.
fn http_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .build_https()
}

/// The same, for requests that no SDK makes.
pub(crate) fn connector() -> Connector {
    Connector::builder()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .build()
}
