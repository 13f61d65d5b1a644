//! The development server: starts every part, and stops it.

mod environment;
mod services;
mod sockets;
mod start_error;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde_json::value::RawValue;
use shared::{app::Providers, domain::clock::Timestamp, lambda::Invoke};

pub use self::start_error::StartError;
use self::{
    environment::{check_settings, environment},
    services::serve_services,
    sockets::{bind, bind_dynamodb, reachable},
};
use crate::{
    clock::AdjustableClock,
    console::{Console, Controls, RecentRequests, ServiceFaults, Tables},
    dynamodb::{self, DynamoDb, StreamWrites, Sweeper},
    event_bridge::{PublishedEvent, PublishedEvents},
    event_source::Pollers,
    gateway::Gateway,
    http_server::HttpServer,
    lambda::Functions,
    scheduler::Schedules,
    ses::{Mail, SentMails},
    template::Template,
    updates::Updates,
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
    /// The clock, randomness and password hasher of every function. The tables, SES and schedules use the same clock.
    pub providers: Providers,
    /// Values of the template's parameters, and environment variables of every function, which override those of the
    /// template. Without `CorsOrigins`, pages of this machine may call the API from any port.
    pub settings: BTreeMap<String, String>,
    /// True if requests are limited by source address. Scripts and fuzzers turn the limits off.
    pub source_limits: bool,
    /// True if a response waits until the mails of its request are delivered, for which the console waits in any case.
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
    clock: AdjustableClock,
    sweeper: Sweeper,
    mails: SentMails,
    events: PublishedEvents,
    updates: Updates,
    template: Template,
}

impl Server {
    /// Starts the server. It accepts requests when this function returns.
    ///
    /// # Errors
    /// [`StartError`] names the port, setting, file or property of the template that is invalid.
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let mut template = Template::read_with(&options.template, &options.settings)?;
        if let Some(cors) = &mut template.cors {
            cors.allows_localhost = !options.settings.contains_key("CorsOrigins");
        }
        check_settings(&template, &options.settings)?;
        let api = bind(&options, options.port, sockets::API).await?;
        let dynamodb = bind_dynamodb(&options).await?;
        let adjustable_clock = AdjustableClock::new(options.providers.clock);
        let clock = adjustable_clock.reader();
        options.providers.clock = clock.clone();
        let database = dynamodb::open(options.data.as_deref(), &clock, &template.tables)?;
        let faults = ServiceFaults::default();
        let writes = StreamWrites::new(&template.tables);
        let dynamodb = DynamoDb::serve(&database, dynamodb, &faults.dynamodb, &writes)?;
        let updates = Updates::default();
        let mails = SentMails::new(clock.clone(), updates.clone());
        let events = PublishedEvents::default();
        let schedules = Schedules::open(clock.clone(), options.data.as_deref())?;
        let services = serve_services(&mails, &events, &schedules, &faults).await?;
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
        let streams = (&database, &writes);
        let pollers = Pollers::start(&template, streams, &functions, &schedules, data)?;
        let sweeper = Sweeper::new(database.clone(), clock, &template.tables);
        let names = template.functions.iter().map(|one| one.binary.clone());
        let controls = Controls::new(
            adjustable_clock.clone(),
            pollers.trigger(),
            sweeper.clone(),
            faults,
            names.collect(),
            updates.clone(),
        );
        let tables = template.tables.iter().map(|table| table.name.clone());
        let gateway = Arc::new(Gateway::new(
            &template,
            Arc::clone(&functions),
            Console {
                mails: mails.clone(),
                events: events.clone(),
                requests: RecentRequests::new(updates.clone()),
                tables: Tables::new(database, tables.collect()),
                controls,
                updates: updates.clone(),
            },
            pollers.trigger(),
            options.wait_for_mails,
        ));
        let api = HttpServer::start(api, move |request, peer| {
            let gateway = Arc::clone(&gateway);
            async move { Ok(gateway.handle(request, peer).await) }
        })?;
        Ok(Self {
            api,
            pollers,
            services,
            dynamodb,
            functions,
            clock: adjustable_clock,
            sweeper,
            mails,
            events,
            updates,
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
    pub fn services_address(&self) -> SocketAddr {
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

    /// The current time by the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the clock by whole seconds. Nothing else happens: [`poll`](Self::poll) runs what becomes due.
    pub fn advance_clock(&self, by: Duration) {
        self.clock.advance(by);
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
        self.sweeper.sweep().await
    }

    /// Invokes `function` with `event` and returns its response; `None` if it does not exist, panics or times out.
    pub async fn invoke(&self, function: &str, event: Box<RawValue>) -> Option<Box<RawValue>> {
        self.functions.invoke(function, |_| Ok(event)).await
    }

    /// Lets open requests complete, closes every connection and stops every part.
    pub async fn stop(mut self) {
        self.updates.close();
        self.api.stop().await;
        drop(self.pollers);
        self.services.stop().await;
        self.dynamodb.stop().await;
    }
}

#[cfg(test)]
mod tests;
