//! Runs a function: starts the process, turns events into requests and answers into responses, catches what goes wrong
//! and logs it once. The same code serves on Lambda and on a laptop.

mod event;
mod telemetry;

use std::{
    convert::Infallible, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use lambda_http::Request;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::{Instrument as _, field::Empty};

use self::telemetry::Telemetry;
use crate::{
    app::{App, Providers, environment},
    audit::Metric,
    http::{self, Error, Response},
};

/// A function as whoever has an event sees it: an event's JSON in, the answer's JSON out. It never fails.
pub type Invoke = Arc<dyn Fn(Box<RawValue>, Context) -> InvocationFuture + Send + Sync>;

/// The process cannot start or go on.
pub type RunError = lambda_runtime::Error;

/// The answer to come.
pub type InvocationFuture = Pin<Box<dyn Future<Output = Box<RawValue>> + Send>>;

/// Bound on a handler: its client gets a 503 well before the function's own time-out of 15 s.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(9);

/// Bound on what is done before the first request.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// What a function does before its first request, when Lambda gives it a whole processor: it opens the connection which
/// that request will use, by a read that it needs anyway or that costs next to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// Reads the public keys.
    PublicKeys,
    /// Reads the signing key, or makes it.
    SigningKey,
    /// Asks for a user that cannot be.
    Users,
}

impl WarmUp {
    /// Does it; a failure is left to the first request, which will try again.
    async fn open(self, app: &App) {
        let opened = async {
            match self {
                Self::PublicKeys => app.verifier.jwks().await.map(drop).map_err(Error::from),
                Self::SigningKey => app.signer.key().await.map(drop).map_err(Error::from),
                Self::Users => app.users.connect().await.map_err(Error::from),
            }
        };
        match tokio::time::timeout(WARM_UP_TIMEOUT, opened).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "warm-up failed; the first request opens the connection");
            }
            Err(_) => tracing::warn!("warm-up timed out; the first request opens the connection"),
        }
    }
}

/// An HTTP function with this handler.
pub fn endpoint<H, F>(app: &'static App, handler: H) -> Invoke
where
    H: Fn(&'static App, Request) -> F + Send + Sync + Copy + 'static,
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    Arc::new(move |event, context| {
        let span = tracing::info_span!(
            "request",
            request_id = context.request_id,
            route = Empty,
            user = Empty
        );
        let answer = async move {
            let started_at = Instant::now();
            let answered = AssertUnwindSafe(answer(app, handler, &event))
                .catch_unwind()
                .await;
            let response = match answered.unwrap_or_else(|_| Err(panicked())) {
                Ok(response) => response,
                Err(error) => refuse(app, &error),
            };
            let milliseconds = started_at.elapsed().as_secs_f64() * 1000.0;
            metrics::histogram!("duration_ms", "function" => app.function_name.as_str())
                .record(milliseconds);
            tracing::info!(
                status = response.status().as_u16(),
                milliseconds,
                "request completed"
            );
            event::from_response(&response)
        };
        Box::pin(answer.instrument(span))
    })
}

async fn answer<H, F>(app: &'static App, handler: H, event: &RawValue) -> Result<Response, Error>
where
    H: Fn(&'static App, Request) -> F,
    F: Future<Output = Result<Response, Error>>,
{
    let request = event::to_request(event)?;
    tracing::Span::current().record("route", http::route(&request));
    http::check_size(&request)?;
    let in_time = tokio::time::timeout(HANDLER_TIMEOUT, handler(app, request)).await;
    in_time.unwrap_or_else(|_| Err(Error::unavailable("the handler timed out")))
}

fn panicked() -> Error {
    Metric::Panic.count();
    Error::internal("the handler panicked")
}

/// A failure is logged and counted here and nowhere else.
fn refuse(app: &App, error: &Error) -> Response {
    let code = error.code();
    if let Some(outcome) = error.metric() {
        outcome.count();
    }
    match error {
        Error::Internal(source) => {
            tracing::error!(code, error = %source, "request failed");
            // By version, so that a gradual deployment is rolled back for the new version's defects alone.
            let (function, version) = (app.function_name.clone(), app.function_version.clone());
            metrics::counter!("defect", "function" => function, "version" => version).increment(1);
        }
        Error::Unavailable(source) => {
            tracing::warn!(code, error = %source, "request failed: dependency unavailable");
        }
        _ => tracing::info!(code, "request rejected"),
    }
    error.to_response()
}

/// Runs an HTTP function on Lambda, for ever.
///
/// # Errors
/// If the process cannot start, or the Lambda Runtime API cannot be reached.
pub async fn run<H, F>(handler: H, opening: WarmUp) -> Result<(), RunError>
where
    H: Fn(&'static App, Request) -> F + Send + Sync + Copy + 'static,
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    run_invoke(opening, |app| endpoint(app, handler)).await
}

/// Runs any function on Lambda, for ever.
///
/// # Errors
/// If the process cannot start, or the Lambda Runtime API cannot be reached.
pub async fn run_invoke(
    opening: WarmUp,
    function: impl FnOnce(&'static App) -> Invoke,
) -> Result<(), RunError> {
    let app = App::start(&environment, Providers::system())?;
    let telemetry = Arc::new(Telemetry::start(&app.settings, &app.function_name)?);
    // The process is the application's whole life.
    let app: &'static App = Box::leak(Box::new(app));
    opening.open(app).await;
    let invoke = function(app);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (answer, telemetry) = (invoke(event.payload, event.context), telemetry.clone());
        async move {
            let answer = answer.await;
            telemetry.flush();
            Ok::<_, Infallible>(answer)
        }
    }))
    .await
}
