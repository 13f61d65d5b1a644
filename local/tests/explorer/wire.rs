//! The connection of the functions to DynamoDB and SES, which holds every call until the explorer releases it.

use std::{
    fmt, io,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_dynamodb::config::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    conditions::{Condition, conditions, is_conditional},
    database::{Key, Reply, keys},
};

/// The operation under which a mail is sent.
pub const SEND_MAIL: &str = "SendEmail";

/// What deletes expired items, among the functions.
pub const TTL: &str = "ttl";

/// A call that a function makes.
#[derive(Debug)]
pub struct Call {
    /// The function.
    pub function: String,
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// The request.
    pub body: Value,
    /// The items that it reads or writes.
    pub keys: Vec<Key>,
    /// The conditions of its writes.
    pub conditions: Vec<Rc<Condition>>,
    /// False for a write without any.
    pub is_conditional: bool,
}

/// A call on its way: function, operation and request.
pub type Sent = (String, String, Value);

impl Call {
    pub fn new((function, operation, body): Sent) -> Self {
        let is_elsewhere = operation == SEND_MAIL || operation.ends_with("Schedule");
        let keys = if is_elsewhere {
            Vec::new()
        } else {
            keys(&operation, &body)
        };
        let mut call = Self {
            function,
            operation,
            body,
            keys,
            conditions: Vec::new(),
            is_conditional: true,
        };
        if !is_elsewhere && call.function != TTL {
            call.conditions = conditions(&call).into_iter().map(Rc::new).collect();
            call.is_conditional = is_conditional(&call);
        }
        call
    }
}

/// A call that waits for its reply: a response, or none.
pub struct Held {
    /// Its number among the calls of the request.
    pub number: usize,
    pub call: Sent,
    pub release: oneshot::Sender<Option<Reply>>,
}

/// A call with what releases it.
type Waiting = (Sent, oneshot::Sender<Option<Reply>>);

/// The calls that are held.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<Vec<Waiting>>>);

impl Gate {
    /// Removes and returns the held calls, in the order in which they were made.
    pub fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Holds a call until it is released.
    pub fn hold(&self, call: Sent) -> oneshot::Receiver<Option<Reply>> {
        let (release, released) = oneshot::channel();
        self.0.lock().unwrap().push((call, release));
        released
    }
}

/// The HTTP client of the functions of one process.
#[derive(Clone)]
pub struct Wire {
    /// The number of the process.
    pub process: usize,
    pub gate: Gate,
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the wire of process {}", self.process)
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let is_schedule = request.uri().contains("/schedules/");
        let operation = match target {
            Some(target) => target.rsplit('.').next().unwrap(),
            None if is_schedule && request.method() == "DELETE" => "DeleteSchedule",
            None if is_schedule => "CreateSchedule",
            None => SEND_MAIL,
        };
        let authorization = request.headers().get("authorization").unwrap();
        let (_, credential) = authorization.split_once("Credential=").unwrap();
        let function = credential.split('/').next().unwrap().to_owned();
        // Only a DELETE has no body.
        let mut body: Value =
            serde_json::from_slice(request.body().bytes().unwrap()).unwrap_or_default();
        // The SDK makes up a token, with random numbers of its own.
        if let Some(token) = body.get_mut("ClientToken") {
            *token = Value::Null;
        }
        let released = self.gate.hold((function, operation.to_owned(), body));
        HttpConnectorFuture::new(async move {
            match released.await {
                Ok(Some((status, body))) => {
                    let status = StatusCode::try_from(status).unwrap();
                    let mut response = HttpResponse::new(status, SdkBody::from(body));
                    let headers = response.headers_mut();
                    headers.insert("content-type", "application/x-amz-json-1.0");
                    Ok(response)
                }
                _ => Err(ConnectorError::io(
                    io::Error::from(io::ErrorKind::ConnectionReset).into(),
                )),
            }
        })
    }
}

/// The SDK's pauses: a retry follows at once, and no call times out, however long it is held.
#[derive(Debug)]
pub struct NoPauses;

/// Longer than any pause of the SDK, and as short as its shortest timeout.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

impl AsyncSleep for NoPauses {
    fn sleep(&self, duration: std::time::Duration) -> Sleep {
        if duration >= TIMEOUT {
            return Sleep::new(std::future::pending());
        }
        Sleep::new(std::future::ready(()))
    }
}

/// A waker that remembers that it was called.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Returns true if the waker was called since the last time.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
