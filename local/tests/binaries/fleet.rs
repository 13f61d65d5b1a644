//! A local server whose functions are processes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use local::{Mail, Options, Server, functions::REGISTRY, runtime_api::RuntimeApi};
use serde_json::{Value, json, value::to_raw_value};
use shared::{app::Providers, lambda::Invoke};

use crate::{
    process::Process,
    wire::{End, Wire},
};

pub struct Fleet {
    pub server: Server,
    /// What leads to the tables.
    pub tables: Wire,
    /// What leads to SES.
    pub ses: Wire,
    pub processes: BTreeMap<&'static str, Process>,
    /// The Runtime API of the process that runs each function now.
    current: BTreeMap<&'static str, Current>,
}

type Current = Arc<Mutex<Option<Arc<RuntimeApi>>>>;

/// What a function returned to API Gateway.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u64,
    pub headers: Value,
    pub body: Value,
}

impl Fleet {
    /// Without any process yet.
    pub async fn new() -> Self {
        let (tables, ses) = (Wire::start().await, Wire::start().await);
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut options = Options::new(template, Providers::system());
        options.settings = BTreeMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), tables.url()),
            ("AWS_ENDPOINT_URL_SESV2".to_owned(), ses.url()),
            // What must not be in a log must not be in the most detailed one.
            ("LOG_LEVEL".to_owned(), "trace".to_owned()),
        ]);
        let mut current = BTreeMap::new();
        for (name, _) in REGISTRY {
            let of_this = Current::default();
            let invoke = through(Arc::clone(&of_this));
            current.insert(*name, of_this);
            options.elsewhere.insert((*name).to_owned(), invoke);
        }
        let server = Server::start(options).await.unwrap();
        tables.lead_to(server.dynamodb_address());
        ses.lead_to(server.ses_address());
        Self {
            server,
            tables,
            ses,
            processes: BTreeMap::new(),
            current,
        }
    }

    /// With a process for every function.
    pub async fn start() -> Self {
        let mut fleet = Self::new().await;
        fleet.run_all().await;
        fleet
    }

    /// Starts a new process for every function, in place of the one before if there is one.
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

    /// Has the program `binary` do the work of `function`.
    pub async fn spawn(&mut self, function: &'static str, binary: &str) {
        let process = Process::start(binary, self.server.environment(function).unwrap()).await;
        *self.current[function].lock().unwrap() = Some(Arc::clone(&process.api));
        self.processes.insert(function, process);
    }

    /// Freezes every process, has `end` befall their connections, and thaws them.
    pub async fn sleep(&self, end: End) {
        for process in self.processes.values() {
            process.freeze();
        }
        self.tables.end_all(end).await;
        self.ses.end_all(end).await;
        for process in self.processes.values() {
            process.thaw();
        }
    }

    /// What `function` returns for `event`.
    pub async fn invoke(&self, function: &str, event: &Value) -> Option<Value> {
        let event = to_raw_value(event).unwrap();
        let returned = self.server.invoke(function, event).await?;
        Some(serde_json::from_str(returned.get()).unwrap())
    }

    /// The answer to the event that events/ holds for `function`, with `values` for its placeholders.
    pub async fn play(&self, function: &str, values: &[(&str, &str)]) -> Answer {
        self.answer(function, &event(function, values)).await
    }

    /// The answer to `event`.
    pub async fn answer(&self, function: &str, event: &Value) -> Answer {
        let returned = self.invoke(function, event).await;
        let mut returned = returned.unwrap_or_else(|| panic!("{}", self.processes[function].log()));
        let body = returned["body"].as_str().unwrap();
        Answer {
            status: returned["statusCode"].as_u64().unwrap(),
            body: serde_json::from_str(body).unwrap_or(json!(body)),
            headers: returned["headers"].take(),
        }
    }

    /// Has `send_mail` deliver what is queued; the one mail that came of it.
    pub async fn mail(&self) -> Mail {
        self.server.drain().await;
        let mails = self.server.mails();
        self.server.clear_mails();
        assert_eq!(mails.len(), 1, "{}", self.processes["send_mail"].log());
        mails.into_iter().next().unwrap()
    }
}

/// Calls whatever process runs now.
fn through(current: Current) -> Invoke {
    Arc::new(move |event, context| {
        let current = Arc::clone(&current);
        Box::pin(async move {
            let api = current.lock().unwrap().clone().unwrap();
            // The server outlives functions that panic, and Lambda those that fail.
            api.invoke(event, context).await.unwrap()
        })
    })
}

/// The event that events/ holds for `function`, with `values` for its placeholders.
pub fn event(function: &str, values: &[(&str, &str)]) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let filled = values
        .iter()
        .fold(text, |text, (name, value)| text.replace(name, value));
    serde_json::from_str(&filled).unwrap()
}
