//! Events: a proxy before EventBridge, and the events that were published.

use std::time::Duration;

use local::PublishedEvent;
use serde_json::{Value, json};

use super::{
    app::TestApp,
    proxy::{FaultAction, Proxy},
};

/// The settings of a deployment with events.
pub const WITH_EVENTS: [(&str, &str); 1] = [("EventBusName", "users")];

/// Starts a [`TestApp`] with events, a proxy before EventBridge, and without limits per source address.
pub async fn start_with_event_bridge() -> (TestApp, Proxy) {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let own = [("AWS_ENDPOINT_URL_EVENTBRIDGE", url.as_str())];
    let settings = [&WITH_EVENTS[..], &own].concat();
    let app = TestApp::without_source_limits_and(&settings).await;
    proxy.forward_to(app.server.services_address());
    (app, proxy)
}

/// Every published event, oldest first.
pub async fn published(app: &TestApp) -> Vec<PublishedEvent> {
    app.server.poll().await;
    let mut events = app.server.events();
    events.reverse();
    events
}

/// Kind and version of every published event, ordered by version and kind.
pub async fn kinds(app: &TestApp) -> Vec<(String, u64)> {
    let kind =
        |event: PublishedEvent| (event.detail_type, event.detail["version"].as_u64().unwrap());
    let mut kinds: Vec<_> = published(app).await.into_iter().map(kind).collect();
    kinds.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    kinds
}

/// Publishes what waits in the table for the schedule.
pub async fn sweep(app: &TestApp) {
    app.advance(Duration::from_mins(1));
    app.server.drain().await;
}

/// EventBridge's response that it accepts none of this many entries.
pub fn rejection(entries: usize) -> FaultAction {
    let entry = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded."});
    let entries: Vec<Value> = vec![entry; entries];
    FaultAction::Error(
        200,
        json!({"FailedEntryCount": entries.len(), "Entries": entries}),
    )
}
