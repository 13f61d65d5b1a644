//! A development server whose functions are processes.

use aws_sdk_dynamodb::{
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use local::{Mail, Options, Server, functions::REGISTRY, runtime_api::RuntimeApi};
use serde_json::{Value, json, value::to_raw_value};
use shared::{app::Providers, lambda::Invoke};

use super::{
    network::{Disconnect, Network},
    process::Process,
};

pub struct Fleet {
    pub server: Server,
    /// The network to DynamoDB.
    pub tables: Network,
    /// The network to SES.
    pub ses: Network,
    pub processes: BTreeMap<&'static str, Process>,
    /// The Runtime API of each function's current process.
    current: BTreeMap<&'static str, Current>,
}

type Current = Arc<Mutex<Option<Arc<RuntimeApi>>>>;

/// The response of a function to API Gateway.
#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: u64,
    pub headers: Value,
    pub body: Value,
}

impl Fleet {
    /// Starts the server without any process, with all metrics.
    pub async fn new() -> Self {
        Self::with_monitoring("full").await
    }

    /// Starts the server without any process.
    pub async fn with_monitoring(monitoring: &str) -> Self {
        Self::with_setting("MONITORING", monitoring).await
    }

    /// Starts the server without any process, with this setting in place of the template's or all metrics.
    pub async fn with_setting(name: &str, value: &str) -> Self {
        let (tables, ses) = (Network::start().await, Network::start().await);
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut options = Options::new(template, Providers::system());
        options.settings = BTreeMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), tables.url()),
            ("AWS_ENDPOINT_URL_SESV2".to_owned(), ses.url()),
            // The function `publish` exists only with a bus.
            ("EventBusName".to_owned(), "users".to_owned()),
            ("MONITORING".to_owned(), "full".to_owned()),
            // Secrets must not be logged even at the most detailed level.
            ("LOG_LEVEL".to_owned(), "trace".to_owned()),
        ]);
        options.settings.insert(name.to_owned(), value.to_owned());
        let mut current = BTreeMap::new();
        for (name, _) in REGISTRY {
            let of_this = Current::default();
            let invoke = through(Arc::clone(&of_this));
            current.insert(*name, of_this);
            options.elsewhere.insert((*name).to_owned(), invoke);
        }
        let server = Server::start(options).await.unwrap();
        tables.forward_to(server.dynamodb_address());
        ses.forward_to(server.services_address());
        Self {
            server,
            tables,
            ses,
            processes: BTreeMap::new(),
            current,
        }
    }

    /// Makes a user a superuser, as `admin` does.
    pub async fn make_superuser(&self, id: u64) {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(format!("http://{}", self.server.dynamodb_address()))
            .build();
        let update = aws_sdk_dynamodb::Client::from_conf(config)
            .update_item()
            .table_name("UsersTable")
            .key("pk", AttributeValue::S(format!("user#{id}")))
            .update_expression("SET is_superuser = :yes")
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        update.send().await.unwrap();
    }

    /// Starts the server with a process for every function.
    pub async fn start() -> Self {
        let mut fleet = Self::new().await;
        fleet.run_all().await;
        fleet
    }

    /// Starts a new process for every function, in place of an earlier one.
    pub async fn run_all(&mut self) {
        for (name, _) in REGISTRY {
            self.spawn(name, name).await;
        }
        for process in self.processes.values_mut() {
            process.ready().await;
        }
    }

    /// Starts a new process for `function`.
    pub async fn run(&mut self, function: &'static str) {
        self.spawn(function, function).await;
        self.processes.get_mut(function).unwrap().ready().await;
    }

    /// Starts the program `binary` as the process of `function`.
    pub async fn spawn(&mut self, function: &'static str, binary: &str) {
        let process = Process::start(binary, self.server.environment(function).unwrap()).await;
        *self.current[function].lock().unwrap() = Some(Arc::clone(&process.api));
        self.processes.insert(function, process);
    }

    /// Freezes every process, ends their connections, and thaws them.
    pub async fn freeze_and_disconnect(&self, how: Disconnect) {
        for process in self.processes.values() {
            process.freeze();
        }
        self.tables.disconnect_all(how).await;
        self.ses.disconnect_all(how).await;
        for process in self.processes.values() {
            process.thaw();
        }
    }

    /// The return value of `function` for `event`.
    pub async fn invoke(&self, function: &str, event: &Value) -> Option<Value> {
        let event = to_raw_value(event).unwrap();
        let returned = self.server.invoke(function, event).await?;
        Some(serde_json::from_str(returned.get()).unwrap())
    }

    /// The response to the event in events/ for `function`, with `values` for its placeholders.
    pub async fn replay(&self, function: &str, values: &[(&str, &str)]) -> Response {
        self.call(function, &event(function, values)).await
    }

    /// The response to `event`.
    pub async fn call(&self, function: &str, event: &Value) -> Response {
        let returned = self.invoke(function, event).await;
        let mut returned = returned.unwrap_or_else(|| panic!("{}", self.processes[function].log()));
        let body = returned["body"].as_str().unwrap();
        Response {
            status: returned["statusCode"].as_u64().unwrap(),
            body: serde_json::from_str(body).unwrap_or(json!(body)),
            headers: returned["headers"].take(),
        }
    }

    /// Delivers the queued mails and returns the only one besides confirmation links.
    pub async fn mail(&self) -> Mail {
        self.only_mail(|mail| !mail.text.contains("/confirm_email#key="))
            .await
    }

    /// Delivers the queued mails and returns the only confirmation link.
    pub async fn confirmation(&self) -> Mail {
        self.only_mail(|mail| mail.text.contains("/confirm_email#key="))
            .await
    }

    async fn only_mail(&self, is_wanted: impl Fn(&Mail) -> bool) -> Mail {
        self.server.drain().await;
        let mut mails = self.server.mails();
        self.server.clear_mails();
        mails.retain(is_wanted);
        assert_eq!(mails.len(), 1, "{}", self.processes["send_mail"].log());
        mails.remove(0)
    }
}

/// Invokes the current process.
fn through(current: Current) -> Invoke {
    Arc::new(move |event, context| {
        let current = Arc::clone(&current);
        Box::pin(async move {
            let api = current.lock().unwrap().clone().unwrap();
            // A function that fails or panics must not end the server.
            Ok(api.invoke(event, context).await.unwrap())
        })
    })
}

/// The event in events/ for `function`, with `values` for its placeholders.
pub fn event(function: &str, values: &[(&str, &str)]) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let filled = values
        .iter()
        .fold(text, |text, (name, value)| text.replace(name, value));
    serde_json::from_str(&filled).unwrap()
}

/// The event in events/ for `function`, with another body.
pub fn event_with_body(function: &str, body: &Value) -> Value {
    let mut event = event(function, &[]);
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    event
}

/// The token in the link of a reset mail.
pub fn token_in(mail: &Mail) -> String {
    link_parameter(mail, "#token=")
}

/// The token in the link of a mail that confirms or reverts.
pub fn key_in(mail: &Mail) -> String {
    link_parameter(mail, "#key=")
}

fn link_parameter(mail: &Mail, name: &str) -> String {
    let (_, rest) = mail.text.split_once(name).unwrap();
    let is_end = |character: char| !character.is_ascii_alphanumeric() && character != '-';
    rest.split(is_end).next().unwrap().to_owned()
}
