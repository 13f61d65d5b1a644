//! A proxy between the functions and DynamoDB, or SES and EventBridge Scheduler. It records every call with its cost and injects
//! the faults that a test requests: those of [`Faults`], and connections that are cut or refused.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, Mutex, OnceLock},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
pub use local::faults::{Access, Call, FaultAction, Faults, cancelled, error, rejected_by, typed};
use local::faults::{Cut, Response};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinHandle},
};

use super::client::client;

struct State {
    upstream: OnceLock<SocketAddr>,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    accesses: Mutex<BTreeSet<Access>>,
    faults: Faults,
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
            faults: Faults::default(),
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

impl Deref for Proxy {
    type Target = Faults;

    fn deref(&self) -> &Faults {
        &self.state.faults
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The header in which SES and EventBridge Scheduler name an error.
const ERROR_TYPE: &str = "x-amzn-errortype";

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

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Result<Response, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let call = Call::new(&head, &body);
    assert_ne!(call.function, "", "{head:?} is not signed");
    state.accesses.lock().unwrap().extend(call.accesses());
    let mut is_forwarded = false;
    let forwarded = async {
        is_forwarded = true;
        forward(&state, head, body, &call).await
    };
    let response = state.faults.apply(&call, forwarded).await;
    if !is_forwarded && response.is_ok() {
        state.calls.lock().unwrap().push(call);
    }
    response
}

/// Makes the call and records it.
async fn forward(state: &State, head: Parts, body: Bytes, call: &Call) -> Result<Response, Cut> {
    let upstream = state.upstream.get().unwrap();
    let url = format!("http://{upstream}{}", head.uri);
    let request = state.client.request(head.method, url);
    let request = request.headers(head.headers).body(body);
    let received = request.send().await.map_err(|_| Cut)?;
    let status = received.status().as_u16();
    let kind = received.headers().get(ERROR_TYPE).cloned();
    let body = received.bytes().await.map_err(|_| Cut)?;
    let units = units(&serde_json::from_slice(&body).unwrap_or(Value::Null));
    let recorded = Call {
        units,
        ..call.clone()
    };
    state.calls.lock().unwrap().push(recorded);
    let mut response = new_response(status, body);
    if let Some(kind) = kind {
        response.headers_mut().insert(ERROR_TYPE, kind);
    }
    Ok(response)
}

fn units(response: &Value) -> f64 {
    let consumed = &response["ConsumedCapacity"];
    let of = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or_default();
    consumed
        .as_array()
        .map_or_else(|| of(consumed), |tables| tables.iter().map(of).sum())
}

fn new_response(status: u16, body: Bytes) -> Response {
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
