//! Lambda's Runtime API on this machine, for one process: hands it events when it asks for them and takes its answers.
//! Starts no process, and knows neither extensions nor answers that are streamed.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use lambda_runtime::Context;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use crate::listener::{self, Answer, Listener};

/// The Runtime API of one process, which finds its address in `AWS_LAMBDA_RUNTIME_API`.
pub struct RuntimeApi {
    listener: Listener,
    calls: mpsc::UnboundedSender<Call>,
    state: Arc<State>,
}

/// Why an event has no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{error_type}: {error_message}")]
pub struct Failure {
    /// What the process calls this kind of failure.
    #[serde(default)]
    pub error_type: String,
    /// What happened.
    #[serde(default)]
    pub error_message: String,
}

/// An event on its way, and who waits for what becomes of it.
struct Call {
    event: Box<RawValue>,
    context: Context,
    caller: Caller,
}

type Caller = oneshot::Sender<Result<Box<RawValue>, Failure>>;

/// How far the process is.
#[derive(Clone)]
enum Phase {
    Starting,
    /// It asked for its first event.
    Ready,
    Failed(Failure),
}

struct State {
    calls: AsyncMutex<mpsc::UnboundedReceiver<Call>>,
    /// Who waits for the answer to an event that the process has, by request id.
    callers: Mutex<HashMap<String, Caller>>,
    phase: watch::Sender<Phase>,
}

/// Bytes of an answer; Lambda takes no more.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

impl RuntimeApi {
    /// Listens on any free port of the loopback interface.
    ///
    /// # Errors
    /// If there is none.
    pub async fn start() -> io::Result<Self> {
        let (calls, received) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            calls: AsyncMutex::new(received),
            callers: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
        });
        let listener = Listener::start(listener::bind(0).await?, {
            let state = Arc::clone(&state);
            move |request, _| answer(Arc::clone(&state), request)
        })?;
        Ok(Self {
            listener,
            calls,
            state,
        })
    }

    /// What the process is to find in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Waits until the process asks for its first event.
    ///
    /// # Errors
    /// What it says went wrong while it started.
    pub async fn ready(&self) -> Result<(), Failure> {
        self.reached(|phase| !matches!(phase, Phase::Starting))
            .await
            .map_or(Ok(()), Err)
    }

    /// Whoever started the process says that it has ended, and how: an end without a word cannot be seen from here.
    pub fn ended(&self, how: impl fmt::Display) {
        let failure = Failure::new("Runtime.ExitError", how);
        self.state.phase.send_replace(Phase::Failed(failure));
    }

    /// What the process returns for `event`. Waits for a process that is busy, frozen or yet to be started, without a
    /// bound; whoever stops waiting takes back an event that the process has not asked for.
    ///
    /// # Errors
    /// [`Failure`] if the process says so, could not start or has ended, or if what it returns is not JSON of at most
    /// 6 MiB.
    pub async fn invoke(
        &self,
        event: Box<RawValue>,
        context: Context,
    ) -> Result<Box<RawValue>, Failure> {
        let (caller, answer) = oneshot::channel();
        let call = Call {
            event,
            context,
            caller,
        };
        // The receiver lives as long as `self`.
        let _ = self.calls.send(call);
        let failed = self.reached(|phase| matches!(phase, Phase::Failed(_)));
        tokio::select! {
            Ok(answer) = answer => answer,
            failure = failed => Err(failure.unwrap_or_default()),
        }
    }

    /// Waits for a phase; gives the failure if it is one.
    async fn reached(&self, is_reached: impl FnMut(&Phase) -> bool) -> Option<Failure> {
        let mut phase = self.state.phase.subscribe();
        // The sender lives as long as `self`.
        match phase.wait_for(is_reached).await.as_deref() {
            Ok(Phase::Failed(failure)) => Some(failure.clone()),
            _ => None,
        }
    }
}

impl Failure {
    fn new(error_type: &str, error_message: impl fmt::Display) -> Self {
        Self {
            error_type: error_type.to_owned(),
            error_message: error_message.to_string(),
        }
    }
}

impl State {
    /// The next event that somebody still waits for.
    async fn next(&self) -> Answer {
        self.phase.send_if_modified(|phase| {
            let is_first = matches!(phase, Phase::Starting);
            if is_first {
                *phase = Phase::Ready;
            }
            is_first
        });
        let mut calls = self.calls.lock().await;
        while let Some(Call {
            event,
            context,
            caller,
        }) = calls.recv().await
        {
            if !caller.is_closed() {
                let answer = event_answer(&event, &context);
                let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
                callers.retain(|_, other| !other.is_closed());
                callers.insert(context.request_id, caller);
                return answer;
            }
        }
        refusal(StatusCode::INTERNAL_SERVER_ERROR, "Stopped")
    }

    /// Tells whoever waits for the answer to `id`.
    fn settle(&self, id: &str, outcome: Result<Box<RawValue>, Failure>) -> Answer {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        match callers.remove(id) {
            Some(caller) => {
                // Who asked may have stopped waiting.
                let _ = caller.send(outcome);
                accepted()
            }
            None => refusal(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        }
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let steps = path.strip_prefix("/2018-06-01/runtime/").unwrap_or("");
    let steps: Vec<&str> = steps.split('/').collect();
    match (request.method(), steps.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => state.next().await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let outcome = match read(request).await {
                Ok(body) => serde_json::from_slice(&body)
                    .map_err(|error| Failure::new("Runtime.NoJson", error)),
                Err(failure) => Err(failure),
            };
            state.settle(id, outcome)
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let failure = read_failure(request).await;
            state.settle(id, Err(failure))
        }
        (&Method::POST, ["init", "error"]) => {
            let failure = read_failure(request).await;
            state.phase.send_replace(Phase::Failed(failure));
            accepted()
        }
        _ => refusal(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn read(request: Request<Incoming>) -> Result<Bytes, Failure> {
    let body = Limited::new(request.into_body(), MAX_ANSWER)
        .collect()
        .await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| Failure::new("Function.ResponseUnreadable", error))
}

/// What a process says of a failure.
async fn read_failure(request: Request<Incoming>) -> Failure {
    match read(request).await {
        Ok(body) => serde_json::from_slice(&body)
            .unwrap_or_else(|_| Failure::new("Runtime.Unknown", String::from_utf8_lossy(&body))),
        Err(failure) => failure,
    }
}

/// An event as Lambda hands it over.
fn event_answer(event: &RawValue, context: &Context) -> Answer {
    let mut answer = json_answer(StatusCode::OK, event.get().to_owned());
    let trace = context.xray_trace_id.clone().unwrap_or_default();
    let headers = [
        ("lambda-runtime-aws-request-id", context.request_id.clone()),
        (
            "lambda-runtime-invoked-function-arn",
            context.invoked_function_arn.clone(),
        ),
        ("lambda-runtime-deadline-ms", context.deadline.to_string()),
        ("lambda-runtime-trace-id", trace),
    ];
    for (name, value) in headers {
        // Lambda leaves the trace's header out where nothing is traced.
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
            answer
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn accepted() -> Answer {
    json_answer(StatusCode::ACCEPTED, json!({ "status": "OK" }).to_string())
}

fn refusal(status: StatusCode, kind: &str) -> Answer {
    json_answer(
        status,
        json!({ "errorType": kind, "errorMessage": kind }).to_string(),
    )
}

fn json_answer(status: StatusCode, body: String) -> Answer {
    let mut answer = Answer::new(Full::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests;
