//! Runs a function: starts the process, turns events into requests and answers into responses, catches what goes wrong
//! and logs it once. The same code serves on Lambda and on a laptop.

mod event;

use std::{
    convert::Infallible, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use lambda_http::Request;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    app::{App, Surroundings, environment},
    http::{self, Error, Response},
};

/// A function as whoever has an event sees it: an event's JSON in, the answer's JSON out. It never fails.
pub type Invoke = Arc<dyn Fn(Box<RawValue>, Context) -> Answer + Send + Sync>;

/// The process cannot start or go on.
pub type Failure = lambda_runtime::Error;

/// The answer to come.
pub type Answer = Pin<Box<dyn Future<Output = Box<RawValue>> + Send>>;

/// Bound on a handler: its client gets a 503 well before the function's own time-out of 15 s.
const HANDLER_TIME: Duration = Duration::from_secs(9);

/// Bound on what is done before the first request.
const OPENING_TIME: Duration = Duration::from_secs(2);

/// What a function does before its first request, when Lambda gives it a whole processor: it opens the connection which
/// that request will use, by a read that it needs anyway or that costs next to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Reads the public keys.
    PublicKeys,
    /// Reads the signing key, or makes it.
    SigningKey,
    /// Asks for a user that cannot be.
    Users,
}

impl Opening {
    /// Does it; a failure is left to the first request, which will try again.
    async fn open(self, app: &App) {
        let opened = async {
            match self {
                Self::PublicKeys => app.verifier.jwks().await.map(drop).map_err(Error::from),
                Self::SigningKey => app.signer.key().await.map(drop).map_err(Error::from),
                Self::Users => app.users.connect().await.map_err(Error::from),
            }
        };
        match tokio::time::timeout(OPENING_TIME, opened).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "nothing could be read before the first request");
            }
            Err(_) => tracing::warn!("reading before the first request took too long"),
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
        Box::pin(async move {
            let answered = AssertUnwindSafe(answer(app, handler, &event))
                .catch_unwind()
                .await;
            let result = answered.unwrap_or_else(|_| Err(Error::internal("the handler panicked")));
            let response = result.unwrap_or_else(|error| {
                log(&error, &context.request_id);
                error.to_response()
            });
            event::from_response(&response)
        })
    })
}

async fn answer<H, F>(app: &'static App, handler: H, event: &RawValue) -> Result<Response, Error>
where
    H: Fn(&'static App, Request) -> F,
    F: Future<Output = Result<Response, Error>>,
{
    let request = event::to_request(event)?;
    http::check_size(&request)?;
    let in_time = tokio::time::timeout(HANDLER_TIME, handler(app, request)).await;
    in_time.unwrap_or_else(|_| Err(Error::unavailable("the handler took too long")))
}

/// A failure is logged here and nowhere else.
fn log(error: &Error, request_id: &str) {
    match error {
        Error::Internal(source) => {
            tracing::error!(request_id, code = error.code(), error = %source, "failed");
        }
        Error::Unavailable(source) => {
            tracing::warn!(request_id, code = error.code(), error = %source, "unavailable");
        }
        refused => tracing::info!(
            request_id,
            code = refused.code(),
            status = refused.status().as_u16(),
            "refused"
        ),
    }
}

/// Runs an HTTP function on Lambda, for ever.
///
/// # Errors
/// If the process cannot start, or the Lambda Runtime API cannot be reached.
pub async fn run<H, F>(handler: H, opening: Opening) -> Result<(), Failure>
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
    opening: Opening,
    function: impl FnOnce(&'static App) -> Invoke,
) -> Result<(), Failure> {
    let app = App::start(&environment, Surroundings::of_this_machine())?;
    trace(app.settings.log_level);
    // The process is the application's whole life.
    let app: &'static App = Box::leak(Box::new(app));
    opening.open(app).await;
    let invoke = function(app);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let answer = invoke(event.payload, event.context);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Logs as JSON lines, for CloudWatch: our own crates down to `level`, libraries from a warning upwards, since at finer
/// levels they would show what they send.
fn trace(level: tracing::Level) {
    let ours = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("shared", level)
        .with_target("send_mail", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(false)
        .with_span_list(false)
        .without_time();
    tracing_subscriber::registry().with(lines).with(ours).init();
}
