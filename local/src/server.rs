//! The whole of it: starts everything, tells where it is, and stops it.

mod start_error;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::value::RawValue;
use shared::{app::Surroundings, lambda::Invoke};
use tokio::net::TcpListener;

pub use self::start_error::StartError;
use crate::{
    dynamodb::{self, DynamoDb},
    gateway::Gateway,
    invocation::Functions,
    listener::{self, Listener},
    ses::{self, Mail, Mails},
    stream::{Position, Streams},
    template::{REGION, Template},
};

/// How a server is to be.
pub struct Options {
    /// The template to serve.
    pub template: PathBuf,
    /// Where data are kept; `None`: in memory, until the server stops.
    pub data: Option<PathBuf>,
    /// Port of the API on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// Port of the DynamoDB endpoint; 0 is any free one.
    pub dynamodb_port: u16,
    /// Address of the DynamoDB endpoint. It checks no credentials, so it is this machine's alone by default; functions in
    /// containers need one that they reach.
    pub dynamodb_host: IpAddr,
    /// Clock, randomness and password hasher of every function; the clock is also that of tables in memory.
    pub surroundings: Surroundings,
    /// Environment variables that go over the template's, for all functions.
    pub settings: BTreeMap<String, String>,
    /// Whether limits by source address hold. Scripts and fuzzers do without.
    pub source_limits: bool,
    /// Whether an answer waits until the mails that its request asked for were delivered. Whoever measures answers turns
    /// it off; mails then follow at once, and whoever reads the mailbox waits for them.
    pub mails_before_answers: bool,
    /// Functions that run elsewhere, as processes of their own, by name: they are called like this and not started here.
    pub elsewhere: BTreeMap<String, Invoke>,
}

impl Options {
    /// A server for `template`: any free ports, data in memory, everything as it is in the cloud.
    #[must_use]
    pub fn new(template: impl Into<PathBuf>, surroundings: Surroundings) -> Self {
        Self {
            template: template.into(),
            data: None,
            port: 0,
            dynamodb_port: 0,
            dynamodb_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            surroundings,
            settings: BTreeMap::new(),
            source_limits: true,
            mails_before_answers: true,
            elsewhere: BTreeMap::new(),
        }
    }
}

/// A server that runs until it is stopped or dropped.
pub struct Server {
    // In the order in which dropping them lets the fewest requests fail.
    api: Listener,
    streams: Streams,
    ses: Listener,
    dynamodb: DynamoDb,
    functions: Arc<Functions>,
    mails: Mails,
    template: Template,
}

impl Server {
    /// Starts everything; requests are served as soon as this comes back.
    ///
    /// # Errors
    /// [`StartError`] tells which port, setting, file or place in the template is at fault.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let template = Template::read(&options.template)?;
        check_settings(&template, &options.settings)?;
        let api = bind(options.port, "--port").await?;
        let dynamodb = bind_dynamodb(options.dynamodb_host, options.dynamodb_port).await?;
        let Surroundings { clock, .. } = &options.surroundings;
        let database = dynamodb::open(options.data.as_deref(), clock, &template.tables)?;
        let dynamodb = DynamoDb::serve(database.clone(), dynamodb)?;
        let mails = Mails::new(clock.clone());
        let ses = Listener::start(listener::bind(0).await?, {
            let mails = mails.clone();
            move |request, _| ses::answer(mails.clone(), request)
        })?;
        let settings = environment(&options, reachable(dynamodb.address()), ses.address());
        let functions = Functions::start(
            &template.functions,
            &settings,
            &options.surroundings,
            &options.elsewhere,
        )?;
        let functions = Arc::new(functions);
        let position = Position(options.data.as_deref().map(position_file));
        let streams = Streams::start(&template, &database, &functions, &position)?;
        let mut gateway = Gateway::new(
            &template,
            Arc::clone(&functions),
            mails.clone(),
            streams.bell(),
        );
        gateway.mails_before_answers = options.mails_before_answers;
        let gateway = Arc::new(gateway);
        let api = Listener::start(api, move |request, peer| {
            Arc::clone(&gateway).answer(request, peer)
        })?;
        Ok(Self {
            api,
            streams,
            ses,
            dynamodb,
            functions,
            mails,
            template,
        })
    }

    /// Where the API is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where this machine reaches the DynamoDB endpoint.
    #[must_use]
    pub fn dynamodb_address(&self) -> SocketAddr {
        reachable(self.dynamodb.address())
    }

    /// Where the SES endpoint is.
    #[must_use]
    pub fn ses_address(&self) -> SocketAddr {
        self.ses.address()
    }

    /// The template that is served.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// What `function` finds in its environment, beside what Lambda itself puts there; `None` if it does not exist.
    #[must_use]
    pub fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.functions.environment(function)
    }

    /// Every mail, newest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.all()
    }

    /// Forgets every mail.
    pub fn clear_mails(&self) {
        self.mails.clear();
    }

    /// Delivers what is in the streams, including records that wait after a failure.
    pub async fn drain(&self) {
        self.streams.bell().ring_at_once().await;
    }

    /// Deletes expired items, which nothing else does unless it is asked to; gives their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self) -> Result<usize, dynamodb::Error> {
        self.dynamodb.sweep().await
    }

    /// Calls `function` with `event`, as Lambda would; gives what it returns, `None` if it returns nothing in time or
    /// does not exist.
    pub async fn invoke(&self, function: &str, event: Box<RawValue>) -> Option<Box<RawValue>> {
        self.functions.call(function, |_| Ok(event)).await
    }

    /// Lets requests under way end, closes every connection and stops everything.
    pub async fn stop(mut self) {
        self.api.stop().await;
        drop(self.streams);
        self.ses.stop().await;
        self.dynamodb.stop().await;
    }
}

async fn bind(port: u16, option: &'static str) -> Result<TcpListener, StartError> {
    listener::bind(port)
        .await
        .map_err(|source| StartError::Port {
            port,
            option,
            source,
        })
}

/// The socket of the DynamoDB endpoint.
async fn bind_dynamodb(host: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    if host == Ipv4Addr::LOCALHOST {
        return bind(port, "--dynamodb-port").await;
    }
    TcpListener::bind((host, port))
        .await
        .map_err(|source| StartError::DynamoDbAddress {
            address: SocketAddr::new(host, port),
            source,
        })
}

/// The loopback address in place of one that means all addresses of this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, all.port()).into()
        }
        SocketAddr::V6(all) if all.ip().is_unspecified() => {
            (Ipv6Addr::LOCALHOST, all.port()).into()
        }
        one => one,
    }
}

/// Settings that no function reads would be silently without effect.
fn check_settings(
    template: &Template,
    settings: &BTreeMap<String, String>,
) -> Result<(), StartError> {
    let is_known =
        |name: &str| OWN_SETTINGS.contains(&name) || template.settings().any(|known| known == name);
    match settings.keys().find(|name| !is_known(name)) {
        Some(name) => Err(StartError::Setting(name.clone())),
        None => Ok(()),
    }
}

/// Settings of functions that the template does not state, because Lambda, or nobody, sets them in the cloud.
const OWN_SETTINGS: [&str; 4] = [
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SESV2",
];

/// What functions find in their environment beside, or in place of, what the template says.
fn environment(
    options: &Options,
    dynamodb: SocketAddr,
    ses: SocketAddr,
) -> BTreeMap<String, String> {
    let values = [
        REGION.to_owned(),
        // Neither endpoint checks signatures, but the SDK wants something to sign with.
        "local".to_owned(),
        format!("http://{dynamodb}"),
        format!("http://{ses}"),
    ];
    let mut environment: BTreeMap<String, String> = OWN_SETTINGS
        .map(str::to_owned)
        .into_iter()
        .zip(values)
        .collect();
    if !options.source_limits {
        environment.insert("SOURCE_LIMITS".to_owned(), "off".to_owned());
    }
    environment.extend(options.settings.clone());
    environment
}

/// The file beside the data that tells how far the stream was delivered.
fn position_file(data: &Path) -> PathBuf {
    let mut name = OsString::from(data);
    name.push("-stream");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
