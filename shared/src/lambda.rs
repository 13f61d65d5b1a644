//! The runtime of a function: starts the process, converts events to requests and responses to events, and catches and
//! logs errors. The same code runs on Lambda and on the local server.

mod event;
mod telemetry;

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use lambda_http::Request;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tokio::{runtime::Builder, time::Instant};
use tracing::{Instrument as _, field::Empty};

use self::telemetry::Telemetry;
use crate::{
    app::{App, Providers, environment},
    audit::{self, Metric},
    http::{self, Error, Response},
};

/// A Lambda function: JSON event in, JSON response out.
pub type Invoke = Arc<dyn Fn(Box<RawValue>, Context) -> InvocationFuture + Send + Sync>;

/// The error that ends the process.
pub type RunError = lambda_runtime::Error;

/// The response to an event, as a future.
pub type InvocationFuture =
    Pin<Box<dyn Future<Output = Result<Box<RawValue>, FunctionError>> + Send>>;

/// The handler of an HTTP function. Without its type, so that all that surrounds it is compiled once, and not for each function.
type Handler = Arc<dyn Fn(&'static App, Request) -> ResponseFuture + Send + Sync>;

type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// The reason that an event has no response. Lambda reports it to the caller, and counts it in its metric `Errors`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// The kind of error, as Lambda reports it in `errorType`.
    pub kind: &'static str,
    /// The message, which the caller receives in `errorMessage`. It contains no secret.
    pub message: String,
}

impl From<FunctionError> for Diagnostic {
    fn from(error: FunctionError) -> Self {
        Self {
            error_type: error.kind.to_owned(),
            error_message: error.message,
        }
    }
}

/// Timeout of a handler. The client receives a 503 well before the function's own timeout of 15 s.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(9);

/// Timeout of the warm-up.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The warm-up of a function before its first request, while Lambda provides a full CPU. It opens the connection that
/// the request will use, by a read that is needed anyway or costs almost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// Reads the public keys.
    PublicKeys,
    /// Reads the key that signs session tokens, or creates it.
    SigningKey,
    /// Reads the key that signs access tokens, or creates it. With little memory a function has a fraction of a processor
    /// after its start, so that an RSA key would take seconds then.
    AccessSigningKey,
    /// Reads a user id that cannot exist.
    Users,
    /// Reads nothing.
    Nothing,
}

impl WarmUp {
    /// Runs the warm-up. A failure is only logged: the first request tries again.
    async fn run(self, app: &App) {
        let warm_up = async {
            match self {
                Self::PublicKeys => app.verifier.jwks().await.map(drop).map_err(Error::from),
                Self::SigningKey => app.signer.key().await.map(drop).map_err(Error::from),
                Self::AccessSigningKey => {
                    app.access_signer.key().await.map(drop).map_err(Error::from)
                }
                Self::Users => app.users.connect().await.map_err(Error::from),
                Self::Nothing => Ok(()),
            }
        };
        match tokio::time::timeout(WARM_UP_TIMEOUT, warm_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "warm-up failed; the first request opens the connection");
            }
            Err(_) => tracing::warn!("warm-up timed out; the first request opens the connection"),
        }
    }
}

/// Creates an HTTP function with this handler.
pub fn endpoint<H, F>(app: &'static App, handler: H) -> Invoke
where
    H: Fn(&'static App, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    endpoint_of(
        app,
        Arc::new(move |app, request| Box::pin(handler(app, request))),
    )
}

fn endpoint_of(app: &'static App, handler: Handler) -> Invoke {
    Arc::new(move |event, context| {
        let span = tracing::info_span!(
            "request",
            request_id = context.request_id,
            route = Empty,
            user = Empty
        );
        let handler = handler.clone();
        let response = async move {
            let started_at = Instant::now();
            let result = AssertUnwindSafe(handle(app, &handler, &event))
                .catch_unwind()
                .await;
            let response = match result.unwrap_or_else(|_| Err(panic_error(app))) {
                Ok(response) => response,
                Err(error) => error_response(app, &error),
            };
            let milliseconds = started_at.elapsed().as_secs_f64() * 1000.0;
            if app.settings.detailed_metrics {
                metrics::histogram!("duration_ms", "function" => app.function_name.as_str())
                    .record(milliseconds);
            }
            tracing::info!(
                status = response.status().as_u16(),
                milliseconds,
                "request completed"
            );
            Ok(event::from_response(&response))
        };
        Box::pin(response.instrument(span))
    })
}

async fn handle(app: &'static App, handler: &Handler, event: &RawValue) -> Result<Response, Error> {
    let request = event::to_request(event)?;
    tracing::Span::current().record("route", http::route(&request));
    http::check_edge(&request, app.settings.edge.as_ref())?;
    http::check_size(&request)?;
    let is_by_cookie = app.is_by_cookie(&request);
    let result = tokio::time::timeout(HANDLER_TIMEOUT, handler(app, request)).await;
    match result.unwrap_or_else(|_| Err(Error::unavailable("the handler timed out"))) {
        Err(Error::NotAuthenticated) if is_by_cookie => Err(Error::RejectedCookie),
        result => result,
    }
}

fn panic_error(app: &App) -> Error {
    app.count_metric(Metric::Panic);
    Error::internal("the handler panicked")
}

/// Converts an error to a response. The only place where errors are logged and counted.
fn error_response(app: &App, error: &Error) -> Response {
    let code = error.code();
    if let Some(metric) = error.metric() {
        app.count_metric(metric);
    }
    match error {
        Error::Internal(cause) => {
            tracing::error!(code, error = %cause, "request failed");
            audit::count_defect(&app.function_name, &app.function_version);
        }
        Error::Unavailable(cause) => {
            tracing::warn!(code, error = %cause, "request failed: dependency unavailable");
        }
        _ => tracing::info!(code, "request rejected"),
    }
    let mut response = error.to_response();
    if matches!(error, Error::RejectedCookie)
        && let Err(error) = app.clear_session_cookie(&mut response)
    {
        return error.to_response();
    }
    response
}

/// Runs an HTTP function on Lambda, on this thread. Returns only on an error.
///
/// # Errors
/// [`RunError`] if the process cannot start, or the Lambda Runtime API is unreachable.
pub fn run<H, F>(handler: H, warm_up: WarmUp) -> Result<(), RunError>
where
    H: Fn(&'static App, Request) -> F + Send + Sync + Copy + 'static,
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    run_invoke(&|app| endpoint(app, handler), warm_up)
}

/// Runs the function that `build` returns on Lambda, on this thread. Returns only on an error.
///
/// # Errors
/// [`RunError`] if the process cannot start, or the Lambda Runtime API is unreachable.
pub fn run_invoke(build: &dyn Fn(&'static App) -> Invoke, warm_up: WarmUp) -> Result<(), RunError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(build, warm_up))
}

async fn serve(build: &dyn Fn(&'static App) -> Invoke, warm_up: WarmUp) -> Result<(), RunError> {
    let app = App::start(&environment, Providers::system())?;
    let telemetry = Arc::new(Telemetry::start(
        &app.settings,
        app.clock.clone(),
        &app.function_name,
    )?);
    // Leaked, since the app lives as long as the process.
    let app: &'static App = Box::leak(Box::new(app));
    warm_up.run(app).await;
    let invoke = build(app);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (response, telemetry) = (invoke(event.payload, event.context), telemetry.clone());
        async move {
            let response = response.await;
            telemetry.flush();
            response
        }
    }))
    .await
}
