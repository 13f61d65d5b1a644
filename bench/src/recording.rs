//! A user's journey through the release binaries on the development server, which yields for each function an event that it
//! answers with success, and the responses of the services that it calls for that.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use local::{Mail, Options, Server};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use shared::{
    app::Providers,
    lambda::{FunctionError, Invoke},
};

use crate::{
    Result,
    affinity::Cores,
    backend::Backend,
    exchange::{Exchange, Script},
    lambda::{is_success, program},
    process::Process,
    setup::Paths,
    upstream::Upstream,
};

/// What a contestant needs for a measurement.
#[derive(Clone)]
pub struct Recording {
    /// The event.
    pub event: Box<RawValue>,
    /// The exchanges with the services.
    pub script: Script,
    /// The environment variables of the function, without those that Lambda sets.
    pub environment: BTreeMap<String, String>,
}

/// The recordings by function.
pub type Recordings = BTreeMap<String, Recording>;

/// The process of a function, once it is started, and what was recorded.
#[derive(Default)]
struct Recorder {
    process: Mutex<Option<Arc<Recorded>>>,
    recording: Mutex<Option<(Box<RawValue>, Script)>>,
}

struct Recorded {
    process: Process,
    backend: Backend,
    start: Vec<Exchange>,
}

/// The functions that consume a stream.
pub const CONSUMERS: [&str; 2] = ["publish", "send_mail"];

/// The password that `events/reset_password_complete.json` sets.
const NEW_PASSWORD: &str = "seven purple tractors sing";

/// Records `functions`; others run inside the development server.
pub async fn record(paths: &Paths, functions: &[String], cores: Cores) -> Result<Recordings> {
    let (publish, others): (Vec<_>, Vec<_>) = functions
        .iter()
        .cloned()
        .partition(|name| name == "publish");
    let mut recordings = Stage::start(paths, &others, &[], cores)
        .await?
        .journey()
        .await?;
    if !publish.is_empty() {
        // This function exists only with a bus, for which the other functions write events.
        let bus = [("EventBusName", "users")];
        let stage = Stage::start(paths, &publish, &bus, cores).await?;
        stage.call("sign_up", &[]).await?;
        stage.server.drain().await;
        recordings.extend(stage.finish()?);
    }
    Ok(recordings)
}

/// The development server, with some functions as processes.
struct Stage {
    server: Server,
    recorders: BTreeMap<String, Arc<Recorder>>,
    paths: Paths,
}

impl Stage {
    async fn start(
        paths: &Paths,
        functions: &[String],
        settings: &[(&str, &str)],
        cores: Cores,
    ) -> Result<Self> {
        let mut options = Options::new(paths.root.join("template.yaml"), Providers::system());
        options.wait_for_mails = false;
        options.settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut recorders = BTreeMap::new();
        for name in functions {
            let recorder = Arc::new(Recorder::default());
            options.elsewhere.insert(name.clone(), through(&recorder));
            recorders.insert(name.clone(), recorder);
        }
        let server = Server::start(options).await?;
        let upstream = Upstream {
            dynamodb: server.dynamodb_address(),
            services: server.services_address(),
        };
        let stage = Self {
            server,
            recorders,
            paths: paths.clone(),
        };
        // The first processes create the signing keys; the second ones, which are recorded, find them, as nearly all do.
        for (name, recorder) in stage.recorders.iter().chain(&stage.recorders) {
            let backend = Backend::record(upstream).await?;
            let program = program(paths, name, stage.environment(name)?, &backend);
            let (process, _) = Process::start(&program, cores.measured).await?;
            let recorded = Recorded {
                process,
                start: backend.take_exchanges(),
                backend,
            };
            *lock(&recorder.process) = Some(Arc::new(recorded));
        }
        Ok(stage)
    }

    fn environment(&self, function: &str) -> Result<BTreeMap<String, String>> {
        let environment = self.server.environment(function);
        Ok(environment
            .ok_or(format!("there is no {function}"))?
            .clone())
    }

    /// One user signs up, uses everything, and deletes the account.
    async fn journey(self) -> Result<Recordings> {
        for function in ["jwks", "pages"] {
            self.call(function, &[]).await?;
        }
        let signed_up = self.call("sign_up", &[]).await?;
        let id = signed_up["user"]["id"].to_string();
        let token = text(&self.call("log_in", &[]).await?["token"]).to_owned();
        let own = [("{{TOKEN}}", token.as_str()), ("{{USER_ID}}", id.as_str())];
        for function in ["get_user", "sessions", "token", "authorize"] {
            self.call(function, &own).await?;
        }
        let key = link(&self.mails().await, "confirm_email", "#key=")?;
        self.call("confirm_email", &[("{{CONFIRMATION_KEY}}", &key)])
            .await?;
        // The mail that is sent most often is the one with a reset link.
        if let Some(recorder) = self.recorders.get("send_mail") {
            lock(&recorder.recording).take();
        }
        self.call("reset_password", &[]).await?;
        let reset = link(&self.mails().await, "reset_password", "#token=")?;
        self.call("reset_password_complete", &[("{{RESET_TOKEN}}", &reset)])
            .await?;
        let again = json!({ "email": signed_up["user"]["email"], "password": NEW_PASSWORD });
        let token = text(&self.call_with("log_in", &[], Some(&again)).await?["token"]).to_owned();
        let own = [("{{TOKEN}}", token.as_str())];
        let change = json!({ "email": "new@example.com", "current-password": NEW_PASSWORD });
        self.call_with("update_details", &own, Some(&change))
            .await?;
        let key = link(&self.mails().await, "revert_email", "#key=")?;
        self.call("revert_email", &[("{{REVERT_KEY}}", &key)])
            .await?;
        let token = text(&self.call_with("log_in", &[], Some(&again)).await?["token"]).to_owned();
        self.call("log_out", &[("{{TOKEN}}", &token)]).await?;
        let token = text(&self.call_with("log_in", &[], Some(&again)).await?["token"]).to_owned();
        let deletion = json!({ "current-password": NEW_PASSWORD });
        self.call_with("delete_account", &[("{{TOKEN}}", &token)], Some(&deletion))
            .await?;
        self.finish()
    }

    /// The body of the response to the event in events/, with `values` for its placeholders.
    async fn call(&self, function: &str, values: &[(&str, &str)]) -> Result<Value> {
        self.call_with(function, values, None).await
    }

    /// The same with another body of the request.
    async fn call_with(
        &self,
        function: &str,
        values: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let file = self.paths.root.join(format!("events/{function}.json"));
        let text = values
            .iter()
            .fold(fs::read_to_string(file)?, |text, (name, value)| {
                text.replace(name, value)
            });
        let mut event: Value = serde_json::from_str(&text)?;
        if let (Some(body), Some(members)) = (body, event.as_object_mut()) {
            members.insert("body".to_owned(), json!(body.to_string()));
            members.insert("isBase64Encoded".to_owned(), json!(false));
        }
        let response = self.server.invoke(function, to_raw_value(&event)?).await;
        let response = response.ok_or(format!("{function} has no response"))?;
        if !is_success(&response) {
            return Err(format!("{function}: {response}").into());
        }
        let response: Value = serde_json::from_str(response.get())?;
        let body = response["body"].as_str().unwrap_or_default();
        Ok(serde_json::from_str(body).unwrap_or(response))
    }

    /// Delivers the queued mails, and returns them.
    async fn mails(&self) -> Vec<Mail> {
        self.server.drain().await;
        let mails = self.server.mails();
        self.server.clear_mails();
        mails
    }

    fn finish(self) -> Result<Recordings> {
        let mut recordings = Recordings::new();
        for (name, recorder) in &self.recorders {
            let recording = lock(&recorder.recording).take();
            let (event, script) = recording.ok_or(format!("{name} was not recorded"))?;
            let environment = self.environment(name)?;
            recordings.insert(
                name.clone(),
                Recording {
                    event,
                    script,
                    environment,
                },
            );
        }
        Ok(recordings)
    }
}

/// Invokes the process of a function, and records the first success.
fn through(recorder: &Arc<Recorder>) -> Invoke {
    let recorder = Arc::clone(recorder);
    Arc::new(move |event, _| {
        let recorder = Arc::clone(&recorder);
        Box::pin(async move {
            recorder.invoke(event).await.map_err(|error| FunctionError {
                kind: "Bench",
                message: error.to_string(),
            })
        })
    })
}

impl Recorder {
    async fn invoke(&self, event: Box<RawValue>) -> Result<Box<RawValue>> {
        let recorded = lock(&self.process)
            .clone()
            .ok_or("the process is starting")?;
        recorded.backend.take_exchanges();
        let (response, _) = recorded.process.call(&event, 0).await?;
        let call = recorded.backend.take_exchanges();
        // A stream without a new record has nothing to do.
        let is_empty = event.get().contains("\"Records\"") && call.is_empty();
        if is_success(&response) && !is_empty {
            let start = recorded.start.clone();
            lock(&self.recording).get_or_insert_with(|| (event, Script { start, call }));
        }
        Ok(response)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The secret in the link to `page` in one of the mails.
fn link(mails: &[Mail], page: &str, name: &str) -> Result<String> {
    let address = format!("/{page}{name}");
    let mut secrets = mails
        .iter()
        .filter_map(|mail| mail.text.split_once(&address));
    let (_, rest) = secrets
        .next()
        .ok_or(format!("no mail has a link to {page}"))?;
    let is_end = |character: char| !character.is_ascii_alphanumeric() && character != '-';
    Ok(rest.split(is_end).next().unwrap_or_default().to_owned())
}
