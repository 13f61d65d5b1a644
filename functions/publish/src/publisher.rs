//! Publishing through EventBridge. It may accept some entries of a request and reject others.

use std::time::Duration;

use aws_sdk_eventbridge::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    error::DisplayErrorContext,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use shared::{
    app::App,
    domain::{clock::Timestamp, user_event::EventKind},
};

/// The largest number of entries of one request (EventBridge, "Quotas").
pub(crate) const MAX_ENTRIES: usize = 10;

/// The source of every event.
const SOURCE: &str = "latchkey";

/// The timeout of a request, with the SDK's retries.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The number of requests for the entries that EventBridge rejects.
const ATTEMPTS: u32 = 3;

/// The pause before the first repetition. It doubles with each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// Publishes events.
pub(crate) struct Publisher {
    client: Client,
    bus: String,
}

/// An event in EventBridge's terms.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: EventKind,
    pub(crate) time: Timestamp,
    /// A JSON object.
    pub(crate) detail: String,
}

impl Publisher {
    pub(crate) fn new(app: &App) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(TIMEOUT)
            .operation_timeout(TIMEOUT);
        let mut config = Builder::from(&app.aws).timeout_config(timeouts.build());
        config.set_endpoint_url(app.settings.event_bridge_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            bus: app.settings.events.bus.clone().unwrap_or_default(),
        }
    }

    /// Publishes at most [`MAX_ENTRIES`] entries. Returns the outcome of each, in their order, or the problem of the whole
    /// request.
    pub(crate) async fn put(&self, entries: Vec<Entry>) -> Result<Vec<Result<(), String>>, String> {
        let mut outcomes = vec![Err("EventBridge returned no result".to_owned()); entries.len()];
        let mut left: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
        for attempt in 0..ATTEMPTS {
            if left.is_empty() {
                break;
            }
            if attempt > 0 {
                tokio::time::sleep(PAUSE * 2u32.pow(attempt - 1)).await;
            }
            let results = match self.request(&left).await {
                Ok(results) => results,
                // The first request was answered, and entries of it are published.
                Err(_) if attempt > 0 => break,
                Err(problem) => return Err(problem),
            };
            let mut rejected = Vec::new();
            for ((place, entry), result) in left.into_iter().zip(results) {
                let outcome = outcome(result);
                if outcome.is_err() {
                    rejected.push((place, entry));
                }
                if let Some(known) = outcomes.get_mut(place) {
                    *known = outcome;
                }
            }
            left = rejected;
        }
        Ok(outcomes)
    }

    async fn request(
        &self,
        entries: &[(usize, Entry)],
    ) -> Result<Vec<PutEventsResultEntry>, String> {
        let to_entry = |(_, entry): &(usize, Entry)| {
            let time = i64::try_from(entry.time.unix()).unwrap_or(i64::MAX);
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.bus)
                .source(SOURCE)
                .detail_type(entry.kind.name())
                .time(DateTime::from_secs(time))
                .detail(&entry.detail)
                .build()
        };
        let entries: Vec<_> = entries.iter().map(to_entry).collect();
        let sent = self.client.put_events().set_entries(Some(entries)).send();
        let output = sent
            .await
            .map_err(|error| DisplayErrorContext(&error).to_string())?;
        Ok(output.entries.unwrap_or_default())
    }
}

/// The outcome of one entry: only one with an id is accepted.
fn outcome(result: PutEventsResultEntry) -> Result<(), String> {
    if result.event_id.is_some() {
        return Ok(());
    }
    Err(format!(
        "{}: {}",
        result.error_code.unwrap_or_default(),
        result.error_message.unwrap_or_default()
    ))
}
