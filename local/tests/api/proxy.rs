//! Stands between the functions and DynamoDB, or SES: notes every call with what it cost, and does what a test wants to go
//! wrong: answer an error, wait, or cut the connection before or after the call took place.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderMap, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::{AbortHandle, JoinHandle},
};

use crate::mangled::{Body, Mangling, mangle};

/// A call of DynamoDB's API, or of SES's.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who makes it: the local server has each function sign with its own name.
    pub function: String,
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// What the SDK calls it, the same when it tries again.
    pub invocation: String,
    /// The request.
    pub body: Value,
    /// Capacity units that DynamoDB charged.
    pub units: f64,
}

/// What somebody needs a right for: one action on one item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub function: String,
    /// As IAM calls it, such as `PutItem` for a transaction's `Put`.
    pub action: String,
    pub table: String,
    pub key: String,
}

/// What is to become of a call.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It goes through.
    Pass,
    /// It does not take place; the answer is this error.
    Error(u16, Value),
    /// It does not take place; the answer is this error of SES.
    SesError(u16, &'static str),
    /// It goes through after a while.
    Delay(Duration),
    /// It goes through once the gate is open.
    Hold(Gate),
    /// The connection is cut, and the call does not take place.
    CutBefore,
    /// The call takes place, and the connection is cut instead of an answer.
    CutAfter,
    /// The call takes place, and its answer arrives like this.
    Mangled(Mangling),
    /// The call does not take place, and this is the answer.
    Instead(u16, &'static str, &'static str),
}

/// Holds calls back until a test has done what is to come before them. It must not take longer than a client waits: one
/// second for an answer, and three in all.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub fn closed() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self {
            reached: none(),
            open: none(),
        }
    }

    /// Waits until a call stands before it.
    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Does `what` while a call stands before it, and opens it then.
    pub async fn during<T>(&self, what: impl Future<Output = T>) -> T {
        self.reached().await;
        let done = what.await;
        self.open();
        done
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.open.close();
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        // It comes back with an error when the gate is opened, and not before.
        let _ = self.open.acquire().await;
    }
}

type Rule = Box<dyn FnMut(&Call) -> Fate + Send>;

struct State {
    upstream: OnceLock<SocketAddr>,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    uses: Mutex<BTreeSet<Use>>,
    rule: Mutex<Option<Rule>>,
    connections: Mutex<Vec<AbortHandle>>,
}

/// Runs until it is dropped.
pub struct Proxy {
    state: Arc<State>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: OnceLock::new(),
            client: reqwest::Client::new(),
            calls: Mutex::default(),
            uses: Mutex::default(),
            rule: Mutex::default(),
            connections: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, state.clone()));
        Self {
            state,
            address,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn forward_to(&self, upstream: SocketAddr) {
        self.state.upstream.set(upstream).unwrap();
    }

    /// Has `rule` decide what becomes of every further call.
    pub fn rule(&self, rule: impl FnMut(&Call) -> Fate + Send + 'static) {
        *self.state.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Has `fate` befall the next call of `operation`, and none after it.
    pub fn once(&self, operation: &'static str, fate: Fate) {
        let mut fate = Some(fate);
        self.rule(move |call| {
            let is_next = call.operation == operation;
            is_next.then(|| fate.take()).flatten().unwrap_or(Fate::Pass)
        });
    }

    /// Holds back the first call that `choose` picks, and its repetitions, until the gate is opened.
    pub fn hold(&self, choose: impl Fn(&Call) -> bool + Send + 'static) -> Gate {
        let [gate] = self.hold_each(choose);
        gate
    }

    /// Holds back the first calls that `choose` picks, each before a gate of its own.
    pub fn hold_each<const N: usize>(
        &self,
        choose: impl Fn(&Call) -> bool + Send + 'static,
    ) -> [Gate; N] {
        let gates = std::array::from_fn(|_| Gate::closed());
        let held = gates.clone();
        let mut seen: Vec<String> = Vec::new();
        self.rule(move |call| {
            let place = seen.iter().position(|name| *name == call.invocation);
            let place = place.or_else(|| {
                choose(call).then(|| {
                    seen.push(call.invocation.clone());
                    seen.len() - 1
                })
            });
            let gate = place.and_then(|place| held.get(place).cloned());
            gate.map_or(Fate::Pass, Fate::Hold)
        });
        gates
    }

    /// Lets everything pass again.
    pub fn heal(&self) {
        *self.state.rule.lock().unwrap() = None;
    }

    /// Cuts every connection there is; new ones are taken.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut *self.state.connections.lock().unwrap());
        connections.iter().for_each(AbortHandle::abort);
    }

    /// Cuts every connection and refuses new ones from now on.
    pub async fn refuse(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
        self.cut();
    }

    /// Every call since this was last asked.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.calls.lock().unwrap())
    }

    /// What every call from the beginning needed rights for.
    pub fn uses(&self) -> BTreeSet<Use> {
        self.state.uses.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Call {
    /// Whether `text` is anywhere in it.
    pub fn says(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }

    /// Whether it writes.
    pub fn is_write(&self) -> bool {
        self.operation != "GetItem"
    }

    /// What it needs rights for. A transaction needs those of its parts; what is no call of DynamoDB's, none here.
    pub fn uses(&self) -> Vec<Use> {
        let of = |operation: &str, request: &Value| {
            let key = request["Key"]["pk"].get("S");
            Some(Use {
                function: self.function.clone(),
                action: operation.to_owned(),
                table: request["TableName"].as_str()?.to_owned(),
                key: key.or(request["Item"]["pk"].get("S"))?.as_str()?.to_owned(),
            })
        };
        match self.body["TransactItems"].as_array() {
            Some(items) => {
                let parts = items.iter().flat_map(|item| item.as_object().unwrap());
                let action = |part: &str| match part {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    _ => format!("{part}Item"),
                };
                parts
                    .filter_map(|(part, request)| of(&action(part), request))
                    .collect()
            }
            None => of(&self.operation, &self.body).into_iter().collect(),
        }
    }

    /// The keys of the items it is about, with their tables.
    pub fn keys(&self) -> Vec<(String, String)> {
        let of = |request: &Value| {
            let key = request["Key"]["pk"]["S"]
                .as_str()
                .or(request["Item"]["pk"]["S"].as_str());
            (
                request["TableName"].as_str().unwrap().to_owned(),
                key.unwrap().to_owned(),
            )
        };
        match self.body["TransactItems"].as_array() {
            Some(items) => items
                .iter()
                .map(|item| of(item.as_object().unwrap().values().next().unwrap()))
                .collect(),
            None => vec![of(&self.body)],
        }
    }
}

/// An error as DynamoDB answers it.
pub fn error(status: u16, code: &str) -> Fate {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Fate::Error(
        status,
        json!({"__type": kind, "message": "made up by a test"}),
    )
}

/// A transaction that was cancelled for these reasons, one for each of its writes.
pub fn cancelled(reasons: &[&str]) -> Fate {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code})).collect();
    Fate::Error(
        400,
        json!({"__type": kind, "Message": "made up by a test", "CancellationReasons": reasons}),
    )
}

/// The error of a condition that did not hold on `item`, given as plain JSON.
pub fn refused_by(item: &Value) -> Fate {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let item = typed(item)["M"].take();
    Fate::Error(
        400,
        json!({"__type": kind, "message": "made up by a test", "Item": item}),
    )
}

/// A value as DynamoDB writes it.
pub fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({"S": text}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, typed(value)));
            json!({"M": fields.collect::<std::collections::BTreeMap<_, _>>()})
        }
        other => panic!("no such attribute is stored: {other}"),
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let served = state.clone();
        let connection = tokio::spawn(async move {
            let service = service_fn(move |request| answer(served.clone(), request));
            // A connection that was cut ends in an error, on purpose.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        let mut connections = state.connections.lock().unwrap();
        connections.push(connection.abort_handle());
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    // Only DynamoDB has its operations named by a header; of SES just one is in use.
    let operation = match head.headers.get("x-amz-target") {
        Some(target) => target.to_str().unwrap().rsplit('.').next().unwrap(),
        None => "SendEmail",
    }
    .to_owned();
    let mut call = Call {
        function: signer(&head.headers),
        invocation: invocation(&head.headers),
        operation,
        body: serde_json::from_slice(&body).unwrap(),
        units: 0.0,
    };
    state.uses.lock().unwrap().extend(call.uses());
    let fate = state
        .rule
        .lock()
        .unwrap()
        .as_mut()
        .map_or(Fate::Pass, |rule| rule(&call));
    match &fate {
        Fate::CutBefore => return Err(Cut),
        Fate::Error(status, body) => {
            state.calls.lock().unwrap().push(call);
            return Ok(respond(*status, Bytes::from(body.to_string())));
        }
        Fate::SesError(status, kind) => {
            state.calls.lock().unwrap().push(call);
            let body = json!({"message": "made up by a test"}).to_string();
            let mut response = respond(*status, Bytes::from(body));
            let headers = response.headers_mut();
            headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
            return Ok(response);
        }
        Fate::Instead(status, kind, body) => {
            state.calls.lock().unwrap().push(call);
            let mut response = respond(*status, Bytes::from_static(body.as_bytes()));
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static(kind));
            return Ok(response);
        }
        Fate::Delay(time) => tokio::time::sleep(*time).await,
        Fate::Hold(gate) => gate.pass().await,
        Fate::Pass | Fate::CutAfter | Fate::Mangled(_) => {}
    }
    let upstream = format!(
        "http://{}{}",
        state.upstream.get().unwrap(),
        head.uri.path()
    );
    let request = state.client.post(upstream).headers(head.headers).body(body);
    let response = request.send().await.map_err(|_| Cut)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|_| Cut)?;
    call.units = units(&serde_json::from_slice(&body).unwrap_or(Value::Null));
    state.calls.lock().unwrap().push(call);
    match fate {
        Fate::CutAfter => Err(Cut),
        Fate::Mangled(how) => Ok(mangle(respond(status, Bytes::new()), body, how)),
        _ => Ok(respond(status, body)),
    }
}

/// Whose access key a request is signed with.
fn signer(headers: &HeaderMap) -> String {
    let signature = headers["authorization"].to_str().unwrap();
    let (_, credential) = signature.split_once("Credential=").unwrap();
    credential.split('/').next().unwrap().to_owned()
}

/// Names one call through all tries of it.
fn invocation(headers: &HeaderMap) -> String {
    let id = headers.get("amz-sdk-invocation-id");
    id.map_or_else(String::new, |id| id.to_str().unwrap().to_owned())
}

fn units(answer: &Value) -> f64 {
    let consumed = &answer["ConsumedCapacity"];
    let of = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or_default();
    consumed
        .as_array()
        .map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

fn respond(status: u16, body: Bytes) -> Response<Body> {
    let mut response = Response::new(
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync(),
    );
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(
        "content-type",
        "application/x-amz-json-1.0".parse().unwrap(),
    );
    response
}

/// Has the server close the connection without an answer.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cut")
    }
}

impl std::error::Error for Cut {}
