//! The development server: starts every part, and stops it.

mod environment;
mod start_error;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use serde_json::value::RawValue;
use shared::{app::Providers, lambda::Invoke};
use tokio::net::TcpListener;

use self::environment::{check_settings, environment};
pub use self::start_error::StartError;
use crate::{
    dynamodb::{self, DynamoDb},
    event_bridge::{self, PublishedEvent, PublishedEvents},
    event_source::Pollers,
    gateway::{Gateway, Pages},
    http_server::{self, HttpServer},
    lambda::Functions,
    scheduler::{self, Schedules},
    ses::{self, Mail, SentMails},
    template::Template,
};

/// The options of a server.
pub struct Options {
    /// The template to serve.
    pub template: PathBuf,
    /// The file that keeps the data; `None` keeps them in memory until the server stops.
    pub data: Option<PathBuf>,
    /// The port of the API on 127.0.0.1; 0 selects a free one.
    pub port: u16,
    /// The port of the DynamoDB endpoint; 0 selects a free one.
    pub dynamodb_port: u16,
    /// The address of the DynamoDB endpoint. It checks no credentials, so the default is the loopback address; functions
    /// in containers need one that they can reach.
    pub dynamodb_host: IpAddr,
    /// The clock, randomness and password hasher of every function. Tables in memory use the same clock.
    pub providers: Providers,
    /// Values of the template's parameters, and environment variables of every function, which override those of the
    /// template. Without `CorsOrigins`, pages of this machine may call the API from any port.
    pub settings: BTreeMap<String, String>,
    /// True if requests are limited by source address. Scripts and fuzzers turn the limits off.
    pub source_limits: bool,
    /// True if a response waits until the mails of its request are delivered, for which the mailbox waits in any case.
    /// If false, response times do not depend on mails, as in AWS.
    pub wait_for_mails: bool,
    /// Functions that this server does not start but invokes through the given closure, by name; for functions that run
    /// as processes of their own.
    pub elsewhere: BTreeMap<String, Invoke>,
}

impl Options {
    /// The defaults: free ports, data in memory, and the settings of the template.
    #[must_use]
    pub fn new(template: impl Into<PathBuf>, providers: Providers) -> Self {
        Self {
            template: template.into(),
            data: None,
            port: 0,
            dynamodb_port: 0,
            dynamodb_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            providers,
            settings: BTreeMap::new(),
            source_limits: true,
            wait_for_mails: true,
            elsewhere: BTreeMap::new(),
        }
    }
}

/// A server that runs until it is stopped or dropped.
pub struct Server {
    // Fields are dropped in this order, in which the fewest requests fail.
    api: HttpServer,
    pollers: Pollers,
    /// SES, EventBridge and EventBridge Scheduler.
    services: HttpServer,
    dynamodb: DynamoDb,
    functions: Arc<Functions>,
    mails: SentMails,
    events: PublishedEvents,
    template: Template,
}

impl Server {
    /// Starts the server. It accepts requests when this function returns.
    ///
    /// # Errors
    /// [`StartError`] names the port, setting, file or property of the template that is invalid.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let mut template = Template::read_with(&options.template, &options.settings)?;
        if let Some(cors) = &mut template.cors {
            cors.allows_localhost = !options.settings.contains_key("CorsOrigins");
        }
        check_settings(&template, &options.settings)?;
        let api = bind(options.port, "--port").await?;
        let dynamodb = bind_dynamodb(options.dynamodb_host, options.dynamodb_port).await?;
        let Providers { clock, .. } = &options.providers;
        let database = dynamodb::open(options.data.as_deref(), clock, &template.tables)?;
        let dynamodb = DynamoDb::serve(&database, dynamodb)?;
        let mails = SentMails::new(clock.clone());
        let events = PublishedEvents::default();
        let schedules = Schedules::open(clock.clone(), options.data.as_deref())?;
        let services = HttpServer::start_guarded(http_server::bind(0).await?, {
            let (mails, events, schedules) = (mails.clone(), events.clone(), schedules.clone());
            move |request, _| {
                let (mails, events, schedules) = (mails.clone(), events.clone(), schedules.clone());
                async move {
                    if event_bridge::serves(request.headers()) {
                        event_bridge::handle(events, request).await
                    } else if scheduler::serves(request.uri().path()) {
                        scheduler::handle(schedules, request).await
                    } else {
                        ses::handle(mails, request).await
                    }
                }
            }
        })?;
        let settings = environment(
            &options,
            &template,
            api.local_addr()?,
            reachable(dynamodb.address()),
            services.address(),
        );
        let functions = Functions::start(
            &template.functions,
            &settings,
            &options.providers,
            &options.elsewhere,
        )?;
        let functions = Arc::new(functions);
        let data = options.data.as_deref();
        let pollers = Pollers::start(&template, &database, &functions, &schedules, data)?;
        let gateway = Arc::new(Gateway::new(
            &template,
            Arc::clone(&functions),
            Pages {
                mails: mails.clone(),
                events: events.clone(),
            },
            pollers.trigger(),
            options.wait_for_mails,
        ));
        let api = HttpServer::start(api, move |request, peer| {
            Arc::clone(&gateway).handle(request, peer)
        })?;
        Ok(Self {
            api,
            pollers,
            services,
            dynamodb,
            functions,
            mails,
            events,
            template,
        })
    }

    /// The address of the API.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// The address at which this machine reaches the DynamoDB endpoint.
    #[must_use]
    pub fn dynamodb_address(&self) -> SocketAddr {
        reachable(self.dynamodb.address())
    }

    /// The address of the endpoint of SES, EventBridge and EventBridge Scheduler.
    #[must_use]
    pub fn ses_address(&self) -> SocketAddr {
        self.services.address()
    }

    /// The template that the server runs.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The environment variables of `function`, without those that Lambda itself sets; `None` if it does not exist.
    #[must_use]
    pub fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.functions.environment(function)
    }

    /// Every mail, newest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.all()
    }

    /// Deletes every mail.
    pub fn clear_mails(&self) {
        self.mails.clear();
    }

    /// Every published event, newest first.
    #[must_use]
    pub fn events(&self) -> Vec<PublishedEvent> {
        self.events.all()
    }

    /// Deletes every published event.
    pub fn clear_events(&self) {
        self.events.clear();
    }

    /// Delivers every record of the streams, including those that wait for a retry, and invokes the target of every
    /// schedule, due or not.
    pub async fn drain(&self) {
        self.pollers.trigger().poll_and_retry().await;
    }

    /// Delivers every record of the streams that does not wait for a retry, and invokes the targets of the schedules that
    /// are due.
    pub async fn poll(&self) {
        self.pollers.trigger().poll().await;
    }

    /// Disables the event source mappings, or enables them again. The streams keep their records in the meantime.
    pub fn enable_mappings(&self, are_enabled: bool) {
        self.pollers.enable_mappings(are_enabled);
    }

    /// Deletes expired items and returns their number. The server does not delete them by itself.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn sweep(&self) -> Result<usize, dynamodb::Error> {
        self.dynamodb.sweep().await
    }

    /// Invokes `function` with `event` and returns its response; `None` if it does not exist, panics or times out.
    pub async fn invoke(&self, function: &str, event: Box<RawValue>) -> Option<Box<RawValue>> {
        self.functions.invoke(function, |_| Ok(event)).await
    }

    /// Lets open requests complete, closes every connection and stops every part.
    pub async fn stop(mut self) {
        self.api.stop().await;
        drop(self.pollers);
        self.services.stop().await;
        self.dynamodb.stop().await;
    }
}

async fn bind(port: u16, option: &'static str) -> Result<TcpListener, StartError> {
    http_server::bind(port)
        .await
        .map_err(|source| StartError::Port {
            port,
            option,
            source,
        })
}

/// Opens the socket of the DynamoDB endpoint.
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

/// Replaces the unspecified address, which means all addresses of this machine, by the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, all.port()).into()
        }
        SocketAddr::V6(all) if all.ip().is_unspecified() => {
            (Ipv6Addr::LOCALHOST, all.port()).into()
        }
        specific => specific,
    }
}

#[cfg(test)]
mod tests;
