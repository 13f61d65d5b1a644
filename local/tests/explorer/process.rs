//! A process: one instance of every function, with its own random numbers, which begin anew with each run.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{SharedAsyncSleep, SharedHttpClient};
use lambda_runtime::Context;
use local::functions::REGISTRY;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json, value::to_raw_value};
use shared::{
    app::{App, Providers},
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
        settings::Settings,
    },
    lambda::Invoke,
};

use crate::{
    database::Key,
    operations::Request,
    operator,
    search::letter,
    settings::ADMIN,
    wire::{Gate, NoPauses, TTL, Wire},
};

/// The smallest cost that Argon2 supports.
const LIGHT: Params = Params {
    m_cost: 8,
    t_cost: 1,
    p_cost: 1,
};

/// The response to a request: status and body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A request in progress.
pub type InProgress = Pin<Box<dyn Future<Output = Answer>>>;

/// The environment of a function: its variables, and the connection to AWS that follows from them.
pub struct Environment {
    pub variables: BTreeMap<String, String>,
    pub aws: SdkConfig,
}

/// The environment of each function.
pub type Environments = Arc<BTreeMap<String, Environment>>;

pub struct Process {
    pub number: usize,
    environments: Environments,
    gate: Gate,
    random: Arc<Mutex<StdRng>>,
    clock: Arc<AtomicU64>,
    /// How many seconds its clock is ahead of the others'.
    ahead: Arc<AtomicU64>,
    functions: RefCell<BTreeMap<String, (&'static App, Option<Invoke>)>>,
}

impl Process {
    pub fn new(
        number: usize,
        environments: &Environments,
        gate: &Gate,
        clock: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            number,
            environments: environments.clone(),
            gate: gate.clone(),
            random: Arc::new(Mutex::new(StdRng::seed_from_u64(0))),
            clock: clock.clone(),
            ahead: Arc::default(),
            functions: RefCell::default(),
        }
    }

    /// Prepares the next run: the random numbers begin anew, with `seed`, and the clock is `ahead` of the others by that many seconds. A cold
    /// process forgets everything that its functions cache, and a warm one forgets that SES failed.
    pub fn renew(&self, is_cold: bool, seed: usize, ahead: u64) {
        *self.random.lock().unwrap() = StdRng::seed_from_u64(seed as u64);
        self.ahead.store(ahead, Ordering::SeqCst);
        let mut functions = self.functions.borrow_mut();
        if is_cold {
            functions.clear();
        }
        functions.remove("send_mail");
    }

    /// The names of the functions.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.environments.keys().map(String::as_str)
    }

    /// The state of `function`, which is started at first.
    pub fn app(&self, function: &str) -> &'static App {
        self.function(function).0
    }

    fn function(&self, name: &str) -> (&'static App, Option<Invoke>) {
        let mut functions = self.functions.borrow_mut();
        let started = functions.entry(name.to_owned()).or_insert_with(|| {
            let app = self.start(name);
            let found = REGISTRY.iter().find(|(known, _)| *known == name);
            (app, found.map(|(_, build)| build(app)))
        });
        (started.0, started.1.clone())
    }

    fn start(&self, function: &str) -> &'static App {
        let environment = &self.environments[function];
        let lookup = |name: &str| environment.variables.get(name).cloned();
        let random = self.random.clone();
        let clock = self.clock();
        let providers = Providers {
            clock: Clock::new(move || Timestamp::from_unix(clock())),
            random: Random::new(move |bytes| random.lock().unwrap().fill_bytes(bytes)),
            hasher: Hasher::new(LIGHT),
        };
        let settings = Settings::read(&lookup).unwrap();
        let wire = Wire {
            process: self.number,
            gate: self.gate.clone(),
        };
        let mut aws = environment.aws.to_builder();
        aws.set_http_client(Some(SharedHttpClient::new(wire)));
        aws.set_sleep_impl(Some(SharedAsyncSleep::new(NoPauses)));
        // An app lives as long as its process.
        Box::leak(Box::new(App::new(
            &lookup,
            settings,
            providers,
            aws.build(),
        )))
    }

    /// Returns what reads the clock of this process, in Unix seconds.
    fn clock(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let (clock, ahead) = (self.clock.clone(), self.ahead.clone());
        move || clock.load(Ordering::SeqCst) + ahead.load(Ordering::SeqCst)
    }

    /// Begins a request.
    pub fn begin(&self, request: &Request) -> InProgress {
        match request {
            Request::Invoke { function, event } => {
                let (_, invoke) = self.function(function);
                let invoke = invoke.unwrap();
                let mut event = event.clone();
                if event.get("headers").is_some() {
                    let agent = format!("process {}", letter(self.number));
                    event["headers"]["user-agent"] = json!(agent);
                }
                let event = to_raw_value(&event).unwrap();
                let mut context = Context::default();
                context.request_id = format!("request-{}", self.number);
                Box::pin(async move {
                    let response = invoke(event, context).await.unwrap();
                    answer(&serde_json::from_str(response.get()).unwrap())
                })
            }
            Request::Operate(change) => {
                let app = self.app(ADMIN);
                Box::pin(operator::change(app, change.clone()))
            }
            Request::Expire(keys) => {
                Box::pin(expire(self.gate.clone(), keys.clone(), (self.clock())()))
            }
        }
    }
}

/// Deletes items that have expired, one after another, as DynamoDB does at some time after that.
async fn expire(gate: Gate, keys: Vec<Key>, now: u64) -> Answer {
    for (table, key) in keys {
        let request = json!({
            "TableName": table,
            "Key": {"pk": {"S": key}},
            "ConditionExpression": "#expires_at <= :now",
            "ExpressionAttributeNames": {"#expires_at": "expires_at"},
            "ExpressionAttributeValues": {":now": {"N": now.to_string()}},
        });
        let call = (TTL.to_owned(), "DeleteItem".to_owned(), request);
        // It does the same whether there was such an item or not.
        let _ = gate.hold(call).await;
    }
    Answer {
        status: 200,
        body: String::new(),
    }
}

/// The response in an event: that of a function without a route is its body.
fn answer(response: &Value) -> Answer {
    match response["statusCode"].as_u64() {
        None => Answer {
            status: 200,
            body: response.to_string(),
        },
        Some(status) => {
            let body = response["body"].as_str().unwrap_or_default();
            let retry_after = response["headers"].get("retry-after");
            Answer {
                status: u16::try_from(status).unwrap(),
                body: retry_after.map_or_else(
                    || body.to_owned(),
                    |seconds| json!({"body": body, "retry-after": seconds}).to_string(),
                ),
            }
        }
    }
}
