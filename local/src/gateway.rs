//! API Gateway on this machine: takes HTTP requests, finds the route, makes an event of the request and an answer of
//! what the function returned. Serves the mailbox beside it.

mod answers;
mod checks;
mod cross_origin;
mod event;
mod routes;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, StatusCode, body::Incoming, http::request::Parts};
use tokio::time::Instant;

use self::{
    event::Call,
    routes::{Match, Routes},
};
use crate::{
    invocation::Functions,
    listener::Answer,
    mailbox,
    ses::Mails,
    stream::Bell,
    template::{Cors, Template},
};

/// How long an answer waits for the mails that its request asked for. A mail that cannot be sent must not block the API.
const MAIL_TIME: Duration = Duration::from_secs(2);
/// Under which name every request is logged, so that it can be told from what functions log.
pub const REQUEST_LOG: &str = "request";

/// Everything that a request may need.
pub(crate) struct Gateway {
    routes: Routes,
    cors: Option<Cors>,
    functions: Arc<Functions>,
    mails: Mails,
    bell: Bell,
    /// Whether a client that has its answer finds its mail delivered.
    pub(crate) mails_before_answers: bool,
}

impl Gateway {
    /// The gateway of `template`.
    pub(crate) fn new(
        template: &Template,
        functions: Arc<Functions>,
        mails: Mails,
        bell: Bell,
    ) -> Self {
        let routes = Routes::of(&template.functions);
        let cors = template.cors.clone();
        Self {
            routes,
            cors,
            functions,
            mails,
            bell,
            mails_before_answers: true,
        }
    }

    /// The answer to one request; logs it.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Answer {
        let began = Instant::now();
        let (request, body) = request.into_parts();
        let (answer, by) = self.dispatch(&request, body, peer).await;
        tracing::info!(
            target: REQUEST_LOG,
            "{} {} {} {:.1} ms {by}",
            request.method,
            // A path may hold characters that would play tricks on a terminal.
            request.uri.path().escape_debug(),
            answer.status().as_u16(),
            began.elapsed().as_secs_f64() * 1000.0,
        );
        answer
    }

    /// The answer, and who gave it.
    async fn dispatch<'a>(
        &'a self,
        request: &'a Parts,
        body: Incoming,
        peer: SocketAddr,
    ) -> (Answer, &'a str) {
        if let Err(status) = checks::head(request) {
            return (answers::own(status), "gateway");
        }
        let (method, path) = (request.method.as_str(), request.uri.path());
        if mailbox::owns(path) {
            return (self.mailbox(request).await, "mailbox");
        }
        let preflight = self
            .cors
            .as_ref()
            .and_then(|cors| cross_origin::preflight(cors, request));
        if let Some(answer) = preflight {
            return (answer, "gateway");
        }
        let Some(found) = self.routes.find(method, path) else {
            return (answers::own(StatusCode::NOT_FOUND), "gateway");
        };
        let function = found.function;
        match checks::body(body).await {
            Ok(body) => (self.call(found, request, &body, peer).await, function),
            Err(status) => (answers::own(status), "gateway"),
        }
    }

    /// The answer of the function that was found.
    async fn call(
        &self,
        found: Match<'_>,
        request: &Parts,
        body: &[u8],
        peer: SocketAddr,
    ) -> Answer {
        let now = self.functions.now();
        let event = |request_id: &str| {
            event::event(
                &Call {
                    found: &found,
                    peer,
                    request_id,
                    now,
                },
                request,
                body,
            )
        };
        let returned = self.functions.call(found.function, event).await;
        if self.mails_before_answers {
            // Whether or not the mails went out in time, the client gets its answer.
            let _ = tokio::time::timeout(MAIL_TIME, self.bell.ring()).await;
        } else {
            self.bell.ring_and_go_on();
        }
        let answer = returned.and_then(|returned| answers::of_function(returned.get()));
        let mut answer = answer.unwrap_or_else(|| {
            tracing::error!(
                function = found.function,
                "the function returned no valid response"
            );
            answers::own(StatusCode::INTERNAL_SERVER_ERROR)
        });
        if let Some(cors) = &self.cors {
            cross_origin::mark(cors, &request.headers, answer.headers_mut());
        }
        answer
    }

    async fn mailbox(&self, request: &Parts) -> Answer {
        // A web page whose name was made to lead to this machine must not read the mails.
        if !checks::is_loopback(request) {
            return answers::own(StatusCode::FORBIDDEN);
        }
        let _ = tokio::time::timeout(MAIL_TIME, self.bell.ring()).await;
        mailbox::answer(&request.method, request.uri.path(), &self.mails)
            .unwrap_or_else(|| answers::own(StatusCode::NOT_FOUND))
    }
}
