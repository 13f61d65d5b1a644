//! API Gateway: finds the route of an HTTP request, invokes its function with an event and turns what the function
//! returns into a response. Passes on requests to the console.

mod checks;
mod cors;
mod event;
mod responses;
mod routes;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
};
use tokio::time::{Instant, timeout};

use self::{
    event::RequestContext,
    responses::gateway_error,
    routes::{RouteMatch, Routes},
};
use crate::{
    console::{self, Console, RecentRequest},
    event_source::Trigger,
    http_server::{Response, guard},
    lambda::Functions,
    template::{Cors, Template},
};

/// The longest time that a response waits for mails, so that a mail that cannot be sent does not block the API.
const MAIL_TIMEOUT: Duration = Duration::from_secs(2);
/// The target under which requests are logged, which separates them from the logs of functions.
pub const REQUEST_LOG: &str = "request";

/// The API in front of the functions.
pub(crate) struct Gateway {
    routes: Routes,
    cors: Option<Cors>,
    functions: Arc<Functions>,
    console: Console,
    stream_trigger: Trigger,
    /// True if a response waits until the mails of its request are delivered.
    wait_for_mails: bool,
}

impl Gateway {
    pub(crate) fn new(
        template: &Template,
        functions: Arc<Functions>,
        console: Console,
        stream_trigger: Trigger,
        wait_for_mails: bool,
    ) -> Self {
        Self {
            routes: Routes::new(&template.functions),
            cors: template.cors.clone(),
            functions,
            console,
            stream_trigger,
            wait_for_mails,
        }
    }

    /// Handles one request and logs it.
    pub(crate) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response {
        let started = Instant::now();
        let (request, body) = request.into_parts();
        // Reads the body of a rejected request too: a client that is still writing would lose the response otherwise.
        let body = checks::read_body(body).await;
        let (response, handler) = self.dispatch(&request, body, peer).await;
        let (path, status) = (request.uri.path(), response.status().as_u16());
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            target: REQUEST_LOG,
            "{} {} {status} {milliseconds:.1} ms {handler}",
            request.method,
            // A path may contain control characters, which a terminal would interpret.
            path.escape_debug(),
        );
        if !console::serves(path) {
            self.console.requests.add(RecentRequest {
                time: self.functions.now().to_string(),
                method: request.method.to_string(),
                path: path.to_owned(),
                status,
                milliseconds,
                handler: handler.to_owned(),
            });
        }
        response
    }

    /// The response, and the name of the handler that made it.
    async fn dispatch<'a>(
        &'a self,
        request: &'a Parts,
        body: Result<Bytes, StatusCode>,
        peer: SocketAddr,
    ) -> (Response, &'a str) {
        if let Err(status) = checks::check_head(request) {
            return (gateway_error(status), "gateway");
        }
        let (method, path) = (request.method.as_str(), request.uri.path());
        if console::serves(path) {
            return (self.console(request, body).await, "console");
        }
        let preflight = self
            .cors
            .as_ref()
            .and_then(|cors| cors::preflight_response(cors, request));
        if let Some(response) = preflight {
            return (response, "gateway");
        }
        let Some(route_match) = self.routes.find(method, path) else {
            return (gateway_error(StatusCode::NOT_FOUND), "gateway");
        };
        let function = route_match.function;
        match body {
            Ok(body) => {
                let response = self.invoke(route_match, request, &body, peer).await;
                (response, function)
            }
            Err(status) => (gateway_error(status), "gateway"),
        }
    }

    /// Invokes the function of a route and returns its response.
    async fn invoke(
        &self,
        route_match: RouteMatch<'_>,
        request: &Parts,
        body: &[u8],
        peer: SocketAddr,
    ) -> Response {
        let function = route_match.function;
        let now = self.functions.now();
        let event = |request_id: &str| {
            let context = RequestContext {
                route_match: &route_match,
                peer,
                request_id,
                now,
            };
            event::build(&context, request, body)
        };
        let returned = self.functions.invoke(function, event).await;
        if self.wait_for_mails {
            self.deliver_mails().await;
        } else {
            self.stream_trigger.poll_in_background();
        }
        let response = returned.and_then(|returned| responses::from_function(returned.get()));
        let mut response = response.unwrap_or_else(|| {
            tracing::error!(function, "the function returned no valid response");
            gateway_error(StatusCode::INTERNAL_SERVER_ERROR)
        });
        if let Some(cors) = &self.cors {
            cors::add_headers(cors, &request.headers, response.headers_mut());
        }
        response
    }

    /// Waits until queued mails are delivered, but not for longer than [`MAIL_TIMEOUT`].
    async fn deliver_mails(&self) {
        // The response does not depend on the delivery.
        let _ = timeout(MAIL_TIMEOUT, self.stream_trigger.poll()).await;
    }

    /// The response of the console.
    async fn console(&self, request: &Parts, body: Result<Bytes, StatusCode>) -> Response {
        if guard::is_foreign(&request.headers) {
            return gateway_error(StatusCode::FORBIDDEN);
        }
        if console::waits_for_deliveries(request.uri.path()) {
            self.deliver_mails().await;
        }
        self.console.handle(request, body).await
    }
}
