//! The console at `/_local/`: a page for developers, and the HTTP API behind it, which tests of other projects use too. Shows what
//! the server did, and lets time pass and services fail. docs/local.md describes the API.

mod assets;
mod controls;
mod mails;
mod recent_requests;
mod reference;
mod tables;

use hyper::{
    Method, StatusCode,
    body::Bytes,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
    http::request::Parts,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

pub(crate) use self::{
    controls::{Controls, ServiceFaults},
    recent_requests::{RecentRequest, RecentRequests},
    tables::Tables,
};
use crate::{
    event_bridge::PublishedEvents,
    http_server::{Response, empty_response, json_response},
    ses::SentMails,
    updates::Updates,
};

/// The path of the page.
pub const PAGE: &str = "/_local/";

/// The policy of every response but the page and the HTML of a mail: nothing is loaded.
const CONTENT_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of the page: its own script, style and icon, the API of the console, and the frame of a mail.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// The state that the console shows and changes.
pub(crate) struct Console {
    pub(crate) mails: SentMails,
    pub(crate) events: PublishedEvents,
    pub(crate) requests: RecentRequests,
    pub(crate) tables: Tables,
    pub(crate) controls: Controls,
    pub(crate) updates: Updates,
}

/// A request that the console does not carry out.
#[derive(Debug)]
enum Problem {
    /// No such path, or no such method for it.
    NotFound,
    /// The request is too large, or was not received completely.
    Unreadable(StatusCode),
    /// The body is invalid: the reason.
    Invalid(String),
    /// The server failed: the reason.
    Failed(String),
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let (status, message) = match problem {
            Problem::NotFound => (StatusCode::NOT_FOUND, "Not Found".to_owned()),
            Problem::Unreadable(status) => {
                let reason = status.canonical_reason().unwrap_or_default();
                (status, reason.to_owned())
            }
            Problem::Invalid(reason) => (StatusCode::BAD_REQUEST, reason),
            Problem::Failed(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
        };
        json_response(status, json!({ "message": message }).to_string())
    }
}

/// Returns true if `path` belongs to the console.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(PAGE) || path == PAGE.trim_end_matches('/')
}

/// Returns true if the response for `path` must wait for the delivery of queued mails and events.
pub(crate) fn waits_for_deliveries(path: &str) -> bool {
    ["/_local/mails", "/_local/events"].contains(&path)
}

impl Console {
    /// Handles one request, whose origin the caller has checked.
    pub(crate) async fn handle(
        &self,
        request: &Parts,
        body: Result<Bytes, StatusCode>,
    ) -> Response {
        let response = self.respond(request, body).await;
        let mut response = response.unwrap_or_else(Response::from);
        let headers = response.headers_mut();
        for (name, value) in [
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ] {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        response
    }

    async fn respond(
        &self,
        request: &Parts,
        body: Result<Bytes, StatusCode>,
    ) -> Result<Response, Problem> {
        let body = body.map_err(Problem::Unreadable)?;
        let path = request.uri.path();
        let Some(path) = path.strip_prefix(PAGE) else {
            return Ok(redirect_to_page());
        };
        let segments: Vec<&str> = path.split('/').collect();
        match (&request.method, segments.as_slice()) {
            (&Method::GET, [""]) => Ok(with_policy(assets::page(), PAGE_POLICY)),
            (&Method::GET, ["mails"]) => list(&mails::to(&self.mails, request.uri.query())),
            (&Method::DELETE, ["mails"]) => Ok(self.deleted(|| self.mails.clear())),
            (&Method::GET, ["mails", id, "html"]) => {
                let document = mails::html(&self.mails, id).ok_or(Problem::NotFound)?;
                Ok(with_policy(document, mails::POLICY))
            }
            (&Method::GET, ["events"]) => list(&self.events.all()),
            (&Method::DELETE, ["events"]) => Ok(self.deleted(|| self.events.clear())),
            (&Method::GET, ["requests"]) => list(&self.requests.all()),
            (&Method::DELETE, ["requests"]) => Ok(self.deleted(|| self.requests.clear())),
            (&Method::GET, ["tables"]) => list(&self.tables.summaries().await?),
            (&Method::GET, ["tables", name]) => list(&self.tables.items(name).await?),
            (&Method::GET, ["clock"]) => list(&self.controls.time()),
            (&Method::POST, ["clock"]) => {
                self.controls.advance(&parse(&body)?).await?;
                list(&self.controls.time())
            }
            (&Method::GET, ["faults"]) => list(&self.controls.faults()),
            (&Method::PATCH, ["faults"]) => list(&self.controls.change_faults(&parse(&body)?)?),
            (&Method::DELETE, ["faults"]) => {
                self.controls.remove_faults();
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            (&Method::GET, ["reference"]) => Ok(with_policy(reference::page(), reference::POLICY)),
            (&Method::GET, ["scalar.js"]) => reference::scalar().ok_or(Problem::NotFound),
            (&Method::GET, ["updates"]) => Ok(self.updates.stream()),
            (&Method::GET, [name]) => assets::find(name).ok_or(Problem::NotFound),
            _ => Err(Problem::NotFound),
        }
    }

    /// Empties a list, of which open pages then read what is left.
    fn deleted(&self, delete: impl FnOnce()) -> Response {
        delete();
        self.updates.send("reload", &());
        empty_response(StatusCode::NO_CONTENT)
    }
}

/// A response with `value` as JSON.
fn list(value: &impl Serialize) -> Result<Response, Problem> {
    let json = serde_json::to_string(value).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(json_response(StatusCode::OK, json))
}

fn redirect_to_page() -> Response {
    let mut response = empty_response(StatusCode::PERMANENT_REDIRECT);
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(PAGE));
    response
}

fn with_policy(mut response: Response, policy: &'static str) -> Response {
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Invalid(format!("invalid body: {error}")))
}
