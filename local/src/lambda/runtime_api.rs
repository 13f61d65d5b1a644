//! The Runtime API of AWS Lambda for one process, which polls it for events and posts the responses. Does not start the
//! process; supports neither extensions nor response streaming.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
};
use lambda_runtime::Context;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use crate::http_server::{self, HttpServer, Response, json_response};

/// The Runtime API of one process.
pub struct RuntimeApi {
    server: HttpServer,
    invocations: mpsc::UnboundedSender<Invocation>,
    state: Arc<State>,
}

/// The error of an invocation that has no response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{error_type}: {error_message}")]
pub struct FunctionError {
    /// The kind of error, such as `Runtime.ExitError`.
    #[serde(default)]
    pub error_type: String,
    /// The description of the error.
    #[serde(default)]
    pub error_message: String,
}

/// An event that waits for the process, and the channel for its response.
struct Invocation {
    event: Box<RawValue>,
    context: Context,
    response: ResponseSender,
}

type ResponseSender = oneshot::Sender<Result<Box<RawValue>, FunctionError>>;

/// The state of the process.
#[derive(Clone)]
enum Phase {
    Starting,
    /// It has requested its first event.
    Ready,
    Failed(FunctionError),
}

struct State {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    /// The response channels of events that the process has received, by request id.
    in_flight: Mutex<HashMap<String, ResponseSender>>,
    phase: watch::Sender<Phase>,
}

/// The largest response that Lambda accepts, in bytes.
const MAX_RESPONSE: usize = 6 * 1024 * 1024;

impl RuntimeApi {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// [`io::Error`] if no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let (invocations, queue) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            queue: AsyncMutex::new(queue),
            in_flight: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
        });
        let server = HttpServer::start_guarded(http_server::bind(0).await?, {
            let state = Arc::clone(&state);
            move |request, _| {
                let state = Arc::clone(&state);
                async move { Ok(handle(state, request).await) }
            }
        })?;
        Ok(Self {
            server,
            invocations,
            state,
        })
    }

    /// The address of the API: the value of the process's `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until the process requests its first event.
    ///
    /// # Errors
    /// [`FunctionError`] if the process reports that it could not start, or has exited.
    pub async fn ready(&self) -> Result<(), FunctionError> {
        self.reached(|phase| !matches!(phase, Phase::Starting))
            .await
            .map_or(Ok(()), Err)
    }

    /// Records that the process has exited, and with which status. The API itself cannot see an exit.
    pub fn ended(&self, status: impl fmt::Display) {
        let error = FunctionError::new("Runtime.ExitError", status);
        self.state.phase.send_replace(Phase::Failed(error));
    }

    /// Sends `event` to the process and returns its response. Waits without a limit while the process is starting,
    /// busy or frozen. Dropping the future cancels an event that the process has not received yet.
    ///
    /// # Errors
    /// [`FunctionError`] if the process reports an error, could not start or has exited, or if its response is not
    /// JSON of at most 6 MiB.
    pub async fn invoke(
        &self,
        event: Box<RawValue>,
        context: Context,
    ) -> Result<Box<RawValue>, FunctionError> {
        let (sender, response) = oneshot::channel();
        let invocation = Invocation {
            event,
            context,
            response: sender,
        };
        // The receiver lives as long as `self`.
        let _ = self.invocations.send(invocation);
        let failed = self.reached(|phase| matches!(phase, Phase::Failed(_)));
        tokio::select! {
            Ok(response) = response => response,
            error = failed => Err(error.unwrap_or_default()),
        }
    }

    /// Waits for a phase, and returns its error if it is [`Phase::Failed`].
    async fn reached(&self, is_reached: impl FnMut(&Phase) -> bool) -> Option<FunctionError> {
        let mut phase = self.state.phase.subscribe();
        // The sender lives as long as `self`.
        match phase.wait_for(is_reached).await.as_deref() {
            Ok(Phase::Failed(error)) => Some(error.clone()),
            _ => None,
        }
    }
}

impl FunctionError {
    fn new(error_type: &str, error_message: impl fmt::Display) -> Self {
        Self {
            error_type: error_type.to_owned(),
            error_message: error_message.to_string(),
        }
    }
}

impl State {
    /// The next event, once there is one. Skips invocations that were cancelled.
    async fn next(&self) -> Response {
        self.phase.send_if_modified(|phase| {
            let is_first = matches!(phase, Phase::Starting);
            if is_first {
                *phase = Phase::Ready;
            }
            is_first
        });
        let mut queue = self.queue.lock().await;
        while let Some(Invocation {
            event,
            context,
            response,
        }) = queue.recv().await
        {
            if !response.is_closed() {
                let event = event_response(&event, &context);
                let mut in_flight = self
                    .in_flight
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                in_flight.retain(|_, other| !other.is_closed());
                in_flight.insert(context.request_id, response);
                return event;
            }
        }
        error_response(StatusCode::INTERNAL_SERVER_ERROR, "Stopped")
    }

    /// Completes the invocation with this request id.
    fn complete(&self, id: &str, result: Result<Box<RawValue>, FunctionError>) -> Response {
        let mut in_flight = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match in_flight.remove(id) {
            Some(response) => {
                // The caller may have stopped waiting.
                let _ = response.send(result);
                accepted()
            }
            None => error_response(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        }
    }
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Response {
    let path = request.uri().path().to_owned();
    let segments = path.strip_prefix("/2018-06-01/runtime/").unwrap_or("");
    let segments: Vec<&str> = segments.split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => state.next().await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let result = read_body(request).await.and_then(|body| {
                serde_json::from_slice(&body)
                    .map_err(|error| FunctionError::new("Runtime.InvalidJson", error))
            });
            state.complete(id, result)
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let error = read_error(request).await;
            state.complete(id, Err(error))
        }
        (&Method::POST, ["init", "error"]) => {
            let error = read_error(request).await;
            state.phase.send_replace(Phase::Failed(error));
            accepted()
        }
        _ => error_response(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn read_body(request: Request<Incoming>) -> Result<Bytes, FunctionError> {
    let body = Limited::new(request.into_body(), MAX_RESPONSE)
        .collect()
        .await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| FunctionError::new("Function.ResponseUnreadable", error))
}

/// The error that the process reports.
async fn read_error(request: Request<Incoming>) -> FunctionError {
    match read_body(request).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_else(|_| {
            FunctionError::new("Runtime.Unknown", String::from_utf8_lossy(&body))
        }),
        Err(error) => error,
    }
}

/// The response to a request for the next event.
fn event_response(event: &RawValue, context: &Context) -> Response {
    let mut response = json_response(StatusCode::OK, event.get().to_owned());
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
        // Lambda omits the trace header if the invocation is not traced.
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn accepted() -> Response {
    json_response(StatusCode::ACCEPTED, json!({ "status": "OK" }).to_string())
}

fn error_response(status: StatusCode, error_type: &str) -> Response {
    json_response(
        status,
        json!({ "errorType": error_type, "errorMessage": error_type }).to_string(),
    )
}

#[cfg(test)]
mod tests;
