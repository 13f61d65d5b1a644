//! A proxy between the functions and DynamoDB, or SES and EventBridge Scheduler. It records every call with its cost and injects the faults that a
//! test asks for: errors, delays, and connections that are cut before or after the call.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderMap, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinHandle},
};

use super::{
    client::client,
    gate::Gate,
    malformed_response::{Body, MalformedResponse, malform},
};

/// A call of the API of DynamoDB or SES.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function that made the call: the development server has each function sign with its own name.
    pub function: String,
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// The SDK's id of the call, the same for all its attempts.
    pub invocation: String,
    /// The request.
    pub body: Value,
    /// The capacity units that DynamoDB charged.
    pub units: f64,
}

/// One action on one item, which needs a permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    pub function: String,
    /// IAM's name of the action, such as `PutItem` for the `Put` of a transaction.
    pub action: String,
    pub table: String,
    pub key: String,
}

/// The fault to inject into a call.
#[derive(Clone, Debug)]
pub enum FaultAction {
    /// None: the call is forwarded.
    Forward,
    /// The call is not forwarded, and this error is returned.
    Error(u16, Value),
    /// The call is not forwarded, and this error of SES is returned.
    SesError(u16, &'static str),
    /// The call is not forwarded, and this error of SES is returned, with this message.
    SesRefusal(&'static str, String),
    /// The call is forwarded after a delay.
    Delay(Duration),
    /// The call is forwarded once the gate is open.
    Hold(Gate),
    /// The connection is cut before the call is forwarded.
    CutBefore,
    /// The call is forwarded, and the connection is cut instead of a response.
    CutAfter,
    /// The call is forwarded, and its response arrives malformed.
    Malform(MalformedResponse),
    /// The call is not forwarded, and this response is returned: status, content type and body.
    Replace(u16, &'static str, &'static str),
}

type Rule = Box<dyn FnMut(&Call) -> FaultAction + Send>;

struct State {
    upstream: OnceLock<SocketAddr>,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    accesses: Mutex<BTreeSet<Access>>,
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
            client: client(),
            calls: Mutex::default(),
            accesses: Mutex::default(),
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

    /// Sets the rule that chooses the fault for every further call.
    pub fn rule(&self, rule: impl FnMut(&Call) -> FaultAction + Send + 'static) {
        *self.state.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Injects `action` into every further call that `choose` selects.
    pub fn rule_where(&self, choose: impl Fn(&Call) -> bool + Send + 'static, action: FaultAction) {
        self.first(usize::MAX, choose, action);
    }

    /// Injects `action` into the first `count` calls that `choose` selects.
    pub fn first(
        &self,
        count: usize,
        choose: impl Fn(&Call) -> bool + Send + 'static,
        action: FaultAction,
    ) {
        let mut left = count;
        self.rule(move |call| {
            if left > 0 && choose(call) {
                left -= 1;
                action.clone()
            } else {
                FaultAction::Forward
            }
        });
    }

    /// Injects `action` into the next call of `operation`.
    pub fn once(&self, operation: &'static str, action: FaultAction) {
        self.first(1, move |call| call.operation == operation, action);
    }

    /// Holds the first call that `choose` selects, with its further attempts, until the gate is opened.
    pub fn hold(&self, choose: impl Fn(&Call) -> bool + Send + 'static) -> Gate {
        let [gate] = self.hold_each(choose);
        gate
    }

    /// Holds the first calls that `choose` selects, each at a gate of its own.
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
            gate.map_or(FaultAction::Forward, FaultAction::Hold)
        });
        gates
    }

    /// Removes the rule: every call is forwarded again.
    pub fn heal(&self) {
        *self.state.rule.lock().unwrap() = None;
    }

    /// Cuts every open connection; new ones are accepted.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut *self.state.connections.lock().unwrap());
        connections.iter().for_each(AbortHandle::abort);
    }

    /// Cuts every open connection and refuses new ones.
    pub async fn refuse(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
        self.cut();
    }

    /// Returns the calls since the last time that this was called.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state.calls.lock().unwrap())
    }

    /// Every access since the start.
    pub fn accesses(&self) -> BTreeSet<Access> {
        self.state.accesses.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Call {
    /// `true` if `text` occurs anywhere in the request.
    pub fn contains(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }

    /// `true` for a write.
    pub fn is_write(&self) -> bool {
        self.operation != "GetItem"
    }

    /// The accesses that need a permission: those of a transaction's parts, and none for calls of SES.
    pub fn accesses(&self) -> Vec<Access> {
        let of = |operation: &str, request: &Value| {
            let key = request["Key"]["pk"].get("S");
            Some(Access {
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

    /// Table and key of every item of the request.
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

/// An error in DynamoDB's form.
pub fn error(status: u16, code: &str) -> FaultAction {
    FaultAction::Error(status, json!({"__type": kind(code), "message": MESSAGE}))
}

/// The cancellation of a transaction, with a reason for each of its writes.
pub fn cancelled(reasons: &[&str]) -> FaultAction {
    let kind = kind("TransactionCanceledException");
    let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code})).collect();
    FaultAction::Error(
        400,
        json!({"__type": kind, "Message": MESSAGE, "CancellationReasons": reasons}),
    )
}

/// The error of a condition that failed on `item`, given as plain JSON.
pub fn rejected_by(item: &Value) -> FaultAction {
    let kind = kind("ConditionalCheckFailedException");
    let item = typed(item)["M"].take();
    FaultAction::Error(
        400,
        json!({"__type": kind, "message": MESSAGE, "Item": item}),
    )
}

/// The header in which SES and EventBridge Scheduler name an error.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The message of every injected error.
const MESSAGE: &str = "made up by a test";

fn kind(code: &str) -> String {
    format!("com.amazonaws.dynamodb.v20120810#{code}")
}

/// A value in DynamoDB's JSON.
pub fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({"S": text}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, typed(value)));
            json!({"M": fields.collect::<std::collections::BTreeMap<_, _>>()})
        }
        other => panic!("attributes of this type are not stored: {other}"),
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let served = state.clone();
        let connection = tokio::spawn(async move {
            let service = service_fn(move |request| respond(served.clone(), request));
            // A connection that is cut ends with an error, as intended.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        let mut connections = state.connections.lock().unwrap();
        connections.push(connection.abort_handle());
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let call = Call {
        function: signer(&head.headers),
        invocation: invocation(&head.headers),
        operation: operation(&head),
        // Only a DELETE has no body.
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        units: 0.0,
    };
    state.accesses.lock().unwrap().extend(call.accesses());
    let action = state
        .rule
        .lock()
        .unwrap()
        .as_mut()
        .map_or(FaultAction::Forward, |rule| rule(&call));
    match &action {
        FaultAction::CutBefore => return Err(Cut),
        FaultAction::Delay(time) => tokio::time::sleep(*time).await,
        FaultAction::Hold(gate) => gate.pass().await,
        _ => {}
    }
    if let Some(response) = replacement(&action) {
        state.calls.lock().unwrap().push(call);
        return Ok(response);
    }
    let upstream = state.upstream.get().unwrap();
    let url = format!("http://{upstream}{}", head.uri);
    let request = state.client.request(head.method, url);
    let request = request.headers(head.headers).body(body);
    let response = request.send().await.map_err(|_| Cut)?;
    let status = response.status().as_u16();
    let kind = response.headers().get(ERROR_TYPE).cloned();
    let body = response.bytes().await.map_err(|_| Cut)?;
    let units = units(&serde_json::from_slice(&body).unwrap_or(Value::Null));
    state.calls.lock().unwrap().push(Call { units, ..call });
    let mut response = match action {
        FaultAction::CutAfter => return Err(Cut),
        FaultAction::Malform(how) => malform(new_response(status, Bytes::new()), body, how),
        _ => new_response(status, body),
    };
    if let Some(kind) = kind {
        response.headers_mut().insert(ERROR_TYPE, kind);
    }
    Ok(response)
}

/// The response to return in place of forwarding the call.
fn replacement(action: &FaultAction) -> Option<Response<Body>> {
    let (status, body, header) = match action {
        FaultAction::Error(status, body) => (*status, Bytes::from(body.to_string()), None),
        FaultAction::SesError(status, kind) => {
            let body = json!({"message": MESSAGE}).to_string();
            (*status, Bytes::from(body), Some((ERROR_TYPE, *kind)))
        }
        FaultAction::SesRefusal(kind, message) => {
            let body = json!({"message": message}).to_string();
            (400, Bytes::from(body), Some((ERROR_TYPE, *kind)))
        }
        FaultAction::Replace(status, kind, body) => {
            let body = Bytes::from_static(body.as_bytes());
            (*status, body, Some(("content-type", *kind)))
        }
        _ => return None,
    };
    let mut response = new_response(status, body);
    if let Some((name, value)) = header {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// The access key that a request is signed with.
fn signer(headers: &HeaderMap) -> String {
    let signature = headers["authorization"].to_str().unwrap();
    let (_, credential) = signature.split_once("Credential=").unwrap();
    credential.split('/').next().unwrap().to_owned()
}

/// The SDK's id of a call.
fn invocation(headers: &HeaderMap) -> String {
    let id = headers.get("amz-sdk-invocation-id");
    id.map_or_else(String::new, |id| id.to_str().unwrap().to_owned())
}

/// The operation of a call. DynamoDB names it in a header; of SES one operation is used, and of EventBridge Scheduler two.
fn operation(head: &Parts) -> String {
    let is_schedule = head.uri.path().starts_with("/schedules/");
    match head.headers.get("x-amz-target") {
        Some(target) => target.to_str().unwrap().rsplit('.').next().unwrap(),
        None if is_schedule && head.method == Method::DELETE => "DeleteSchedule",
        None if is_schedule => "CreateSchedule",
        None => "SendEmail",
    }
    .to_owned()
}

fn units(response: &Value) -> f64 {
    let consumed = &response["ConsumedCapacity"];
    let of = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or_default();
    consumed
        .as_array()
        .map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

fn new_response(status: u16, body: Bytes) -> Response<Body> {
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

/// The error that makes the server close the connection without a response.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cut")
    }
}

impl std::error::Error for Cut {}
