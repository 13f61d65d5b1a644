//! DynamoDB, SES, EventBridge and EventBridge Scheduler for one contestant. While recording, requests are forwarded to the
//! development server; afterwards they are answered from the recording, so that every call costs the harness the same.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Result,
    authority::Authority,
    exchange::{Exchange, Script},
    upstream::{Upstream, forward},
};

/// An endpoint, which runs until it is dropped.
pub struct Backend {
    address: SocketAddr,
    state: Arc<State>,
    scheme: &'static str,
    task: JoinHandle<()>,
}

struct State {
    role: Role,
    progress: Mutex<Progress>,
}

enum Role {
    Recording(Upstream, reqwest::Client),
    Replaying(HashMap<String, Vec<Exchange>>),
}

#[derive(Default)]
struct Progress {
    /// What was recorded.
    exchanges: Vec<Exchange>,
    /// How often each key and item was requested in this call.
    cursors: HashMap<(String, Option<String>), usize>,
    /// The first request that the recording does not have.
    missing: Option<String>,
    /// When the first connection was opened.
    connected_at: Option<Instant>,
    /// The number of TLS handshakes.
    handshakes: usize,
}

impl Backend {
    /// Starts an endpoint that forwards and records.
    pub async fn record(upstream: Upstream) -> Result<Self> {
        Self::start(Role::Recording(upstream, reqwest::Client::new()), None).await
    }

    /// Starts an endpoint that repeats what was recorded, over TLS if `authority` is given.
    pub async fn replay(script: &Script, authority: Option<&Authority>) -> Result<Self> {
        let mut answers: HashMap<String, Vec<Exchange>> = HashMap::new();
        for exchange in &script.call {
            let of_key = answers.entry(exchange.key.clone()).or_default();
            of_key.push(exchange.clone());
        }
        for exchange in &script.start {
            let of_key = answers.entry(exchange.key.clone()).or_default();
            if of_key.iter().all(|other| other.item != exchange.item) {
                of_key.push(exchange.clone());
            }
        }
        let tls = authority.map(|authority| TlsAcceptor::from(authority.server()));
        Self::start(Role::Replaying(answers), tls).await
    }

    async fn start(role: Role, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            role,
            progress: Mutex::default(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            scheme,
            task,
        })
    }

    /// The URL of the endpoint.
    pub fn url(&self) -> String {
        // The certificate is for a name.
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    /// Begins a call: repeats its responses from the first on.
    pub fn begin_call(&self) {
        self.state.lock().cursors.clear();
    }

    /// When a connection was opened, the first since the last time.
    pub fn take_connection(&self) -> Option<Instant> {
        self.state.lock().connected_at.take()
    }

    /// The number of TLS handshakes since the last time.
    pub fn take_handshakes(&self) -> usize {
        std::mem::take(&mut self.state.lock().handshakes)
    }

    /// The exchanges since the last time.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.state.lock().exchanges)
    }

    /// The first request that the recording does not have.
    pub fn missing(&self) -> Option<String> {
        self.state.lock().missing.clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let target = head.headers.get("x-amz-target");
        let target = target
            .map(HeaderValue::to_str)
            .transpose()?
            .unwrap_or_else(|| head.uri.path());
        let content: Value = serde_json::from_slice(&body).unwrap_or_default();
        let key = match content.get("TableName").and_then(Value::as_str) {
            Some(table) => format!("{target} {table}"),
            None => target.to_owned(),
        };
        let item = content.pointer("/Key/pk/S").and_then(Value::as_str);
        let item = item.map(str::to_owned);
        let exchange = match &self.role {
            Role::Replaying(answers) => self.next(answers, key, item),
            Role::Recording(upstream, client) => {
                let mut exchange = forward(client, upstream, &head, key, body, content).await?;
                exchange.item = item;
                self.lock().exchanges.push(exchange.clone());
                Some(exchange)
            }
        };
        let Some(exchange) = exchange else {
            return Ok(Response::builder()
                .status(StatusCode::BAD_REQUEST)
                .body(Full::default())?);
        };
        let mut response = Response::new(Full::from(exchange.body));
        *response.status_mut() = exchange.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, exchange.media_type);
        Ok(response)
    }

    /// The next recorded response for `key` and `item` in this call, or the last one if there is no further one. If the item
    /// was not recorded, such as a counter of another hour, the response is that for another item.
    fn next(
        &self,
        answers: &HashMap<String, Vec<Exchange>>,
        key: String,
        item: Option<String>,
    ) -> Option<Exchange> {
        let mut progress = self.lock();
        let Some(recorded) = answers.get(&key) else {
            progress.missing.get_or_insert(key);
            return None;
        };
        let is_known = recorded.iter().any(|exchange| exchange.item == item);
        let candidates: Vec<&Exchange> = recorded
            .iter()
            .filter(|exchange| !is_known || exchange.item == item)
            .collect();
        let cursor = progress.cursors.entry((key, item)).or_default();
        let exchange = candidates.get(*cursor).or(candidates.last());
        *cursor += 1;
        exchange.map(|exchange| (*exchange).clone())
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without this option small responses are only delayed.
        let _ = stream.set_nodelay(true);
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        state.lock().connected_at.get_or_insert_with(Instant::now);
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return serve(stream, state).await;
            };
            match tls.accept(stream).await {
                Ok(stream) => {
                    state.lock().handshakes += 1;
                    serve(stream, state).await;
                }
                Err(error) => eprintln!("the endpoint's TLS handshake failed: {error}"),
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move {
            let response = state.answer(request).await.unwrap_or_else(|error| {
                eprintln!("the endpoint failed: {error}");
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            });
            Ok::<_, Infallible>(response)
        }
    });
    // A process that is killed closes its connections.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
