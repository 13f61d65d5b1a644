//! The endpoint of SES, EventBridge and EventBridge Scheduler.

use std::io;

use http_body_util::Full;
use hyper::{Request, body::Bytes};

use crate::{
    console::ServiceFaults,
    event_bridge::{self, PublishedEvents},
    http_server::{self, HttpServer},
    scheduler::{self, Schedules},
    ses::{self, SentMails},
};

/// Serves SES, EventBridge and EventBridge Scheduler on a free port.
pub(super) async fn serve_services(
    mails: &SentMails,
    events: &PublishedEvents,
    schedules: &Schedules,
    faults: &ServiceFaults,
) -> io::Result<HttpServer> {
    let services = (mails.clone(), events.clone(), schedules.clone());
    let faults = faults.ses.clone();
    HttpServer::start_guarded(http_server::bind(0).await?, move |request, _| {
        let (mails, events, schedules) = services.clone();
        let faults = faults.clone();
        async move {
            let handle = async |request: Request<Full<Bytes>>| {
                if event_bridge::serves(request.headers()) {
                    event_bridge::handle(events, request).await
                } else if scheduler::serves(request.uri().path()) {
                    scheduler::handle(schedules, request).await
                } else {
                    ses::handle(mails, request).await
                }
            };
            faults.intercept(request, handle).await
        }
    })
}
