//! A Lambda authorizer, which the APIs of other stacks attach: HTTP APIs, REST APIs and WebSocket APIs. It says who makes a
//! request, never what the user may do: API Gateway caches its response for all routes.
//!
//! A session token is checked against the user's record, so that a sign-out takes effect with the next call. An access token is
//! valid until it expires, and costs no read.

mod event;
mod response;

use std::sync::Arc;

use serde_json::value::RawValue;
use shared::{
    app::App,
    audit::{self, Metric},
    http::Error,
    lambda::{FunctionError, Invoke, WarmUp},
};
use tracing::{Instrument as _, field::Empty};

use crate::{
    event::{Credential, Event},
    response::Principal,
};

/// Reads the public keys of session tokens.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// The Lambda function. It fails if it cannot find out who makes the request: API Gateway then responds with 500 and caches
/// nothing, while it would cache a refusal.
#[must_use]
pub fn authorizer(app: &'static App) -> Invoke {
    Arc::new(move |event, context| {
        let span = tracing::info_span!(
            "authorization",
            request_id = context.request_id,
            user = Empty
        );
        let response = async move { authorize(app, &event).await };
        Box::pin(response.instrument(span))
    })
}

async fn authorize(app: &App, event: &RawValue) -> Result<Box<RawValue>, FunctionError> {
    let event = Event::parse(event.get()).map_err(|error| defect(app, "InvalidEvent", &error))?;
    let principal = match &event.credential {
        Some(credential) => principal(app, credential).await,
        None => Ok(None),
    };
    let principal = principal.map_err(|error| match error {
        Error::Unavailable(cause) => {
            Metric::Unavailable.count();
            tracing::warn!(error = %cause, "authorization failed: dependency unavailable");
            FunctionError {
                kind: "Unavailable",
                message: "a dependency is unavailable".to_owned(),
            }
        }
        error => defect(app, "Internal", &error),
    })?;
    match &principal {
        Some(_) => tracing::info!("request authorized"),
        None => tracing::info!("request refused: no valid token"),
    }
    response::to_json(&event.form, principal.as_ref())
        .map_err(|error| defect(app, "Internal", &error))
}

/// Returns the user whose token this is; `None` if it is not valid.
async fn principal(app: &App, credential: &Credential) -> Result<Option<Principal>, Error> {
    if !credential.is_in_url {
        match app.authenticate_token(&credential.token).await {
            Ok(caller) => return Ok(Principal::of_session(&caller)),
            Err(Error::NotAuthenticated) => {}
            Err(error) => return Err(error),
        }
    }
    match app.verify_access_token(&credential.token).await {
        Ok(token) => Ok(Some(token.into())),
        Err(Error::NotAuthenticated) => Ok(None),
        Err(error) => Err(error),
    }
}

fn defect(app: &App, kind: &'static str, error: &dyn std::error::Error) -> FunctionError {
    tracing::error!(kind, %error, "authorization failed");
    audit::count_defect(&app.function_name, &app.function_version);
    FunctionError {
        kind,
        message: "the request could not be authorized".to_owned(),
    }
}
