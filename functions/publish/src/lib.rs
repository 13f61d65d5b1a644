//! Publishes the events of users on an event bus of EventBridge; the only function that calls it. The stream of the table of
//! events invokes this function at once, and a schedule every few minutes.
//!
//! An event is deleted from the table once EventBridge has accepted it. What the stream cannot publish stays in the table for
//! the schedule, so that no event delays another and no outage loses one. An event may be published more than once, with the
//! same id.

mod detail;
mod event;
mod publisher;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::value::RawValue;
use shared::{
    app::App,
    audit::{self, Metric},
    domain::{clock::Timestamp, user_event::UserEvent},
    lambda::{Invoke, WarmUp},
};

use crate::{
    event::Event,
    publisher::{Entry, MAX_ENTRIES, Publisher},
};

/// Opens no connection: a request waits for nothing here.
pub const WARM_UP: WarmUp = WarmUp::Nothing;

/// The age from which the schedule publishes an event. The stream publishes younger ones.
const SWEEP_AFTER: Duration = Duration::from_mins(1);

/// The age from which an event that is not published is reported as late: after the second attempt by the schedule.
const LATE_AFTER: Duration = Duration::from_mins(15);

/// The time after which the schedule starts no further batch, since the function could time out.
const SWEEP_SECONDS: u64 = 6;

/// The number of events that are read at once.
const PAGE: i32 = 100;

struct Consumer {
    app: &'static App,
    publisher: Publisher,
}

/// The Lambda function: takes a batch of the stream, or the event of the schedule. Returns `null`.
#[must_use]
pub fn consumer(app: &'static App) -> Invoke {
    let consumer = Arc::new(Consumer {
        app,
        publisher: Publisher::new(app),
    });
    Arc::new(move |event, context| {
        let consumer = consumer.clone();
        Box::pin(async move {
            match Event::parse(event.get()) {
                Ok(Event::Records(records)) => consumer.publish_records(records).await,
                Ok(Event::Sweep) => consumer.sweep().await,
                Err(error) => {
                    tracing::error!(request_id = context.request_id, %error, "event is neither a batch of a DynamoDB stream nor of the schedule");
                    audit::count_defect(&app.function_name, &app.function_version);
                }
            }
            Ok(RawValue::NULL.to_owned())
        })
    })
}

/// The outcome of a batch, which decides whether the sweep goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    /// EventBridge responded. Single events may have been rejected.
    Handled,
    /// EventBridge could not be reached, or rejected the whole request.
    Failed,
}

impl Consumer {
    async fn publish_records(&self, records: Vec<event::Record>) {
        let mut events = Vec::new();
        for record in &records {
            match record.user_event() {
                Ok(event) => events.push(event),
                Err(error) => self.report_unreadable(&error),
            }
        }
        for batch in events.chunks(MAX_ENTRIES) {
            self.publish(batch).await;
        }
    }

    /// Publishes the events that the stream did not.
    async fn sweep(&self) {
        let started_at = self.app.clock.now();
        let mut position = None;
        loop {
            let page = match self.app.user_events.page(PAGE, position).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "could not read the events that wait");
                    return;
                }
            };
            let (items, next) = page;
            let mut events = Vec::new();
            for item in items {
                match item {
                    Ok(event) if self.age(&event) >= SWEEP_AFTER.as_secs() => events.push(event),
                    Ok(_) => {}
                    Err(error) => self.report_unreadable(&error),
                }
            }
            for batch in events.chunks(MAX_ENTRIES) {
                let is_over = self.app.clock.now().seconds_since(started_at) >= SWEEP_SECONDS;
                if is_over || self.publish(batch).await == Batch::Failed {
                    return;
                }
            }
            if next.is_none() {
                return;
            }
            position = next;
        }
    }

    /// Publishes at most [`MAX_ENTRIES`] events and deletes those that EventBridge has accepted. Logs and counts the others.
    async fn publish(&self, events: &[UserEvent]) -> Batch {
        let mut entries = Vec::new();
        for event in events {
            match self.entry(event).await {
                Ok(entry) => entries.push((event, entry)),
                Err(problem) => self.report_failure(event, &problem),
            }
        }
        let requested: Vec<_> = entries.iter().map(|(_, entry)| entry.clone()).collect();
        match self.publisher.put(requested).await {
            Ok(outcomes) => {
                let mut published = Vec::new();
                for ((event, _), outcome) in entries.iter().zip(outcomes) {
                    match outcome {
                        Ok(()) => published.push(self.remove(event)),
                        Err(problem) => self.report_failure(event, &problem),
                    }
                }
                join_all(published).await;
                Batch::Handled
            }
            Err(problem) => {
                for (event, _) in &entries {
                    self.report_failure(event, &problem);
                }
                Batch::Failed
            }
        }
    }

    async fn entry(&self, event: &UserEvent) -> Result<Entry, String> {
        let user = if self.app.settings.events.with_email {
            let users = self.app.users.with_disabled();
            let user = users.by_id(event.user).await;
            user.map_err(|error| error.to_string())?
        } else {
            None
        };
        Ok(Entry {
            kind: event.kind,
            time: event.occurred_at,
            detail: detail::json(event, user.as_ref()),
        })
    }

    async fn remove(&self, event: &UserEvent) {
        if let Err(error) = self.app.user_events.remove(event).await {
            tracing::warn!(event = event.id, %error, "event is published but could not be deleted; it will be published again");
        }
    }

    fn report_failure(&self, event: &UserEvent, problem: &str) {
        if self.age(event) >= LATE_AFTER.as_secs() {
            Metric::EventLate.count();
            tracing::error!(
                event = event.id,
                problem,
                "event could not be published for minutes and will be retried"
            );
        } else {
            tracing::warn!(
                event = event.id,
                problem,
                "event could not be published and will be retried"
            );
        }
    }

    fn report_unreadable(&self, error: &dyn std::fmt::Display) {
        tracing::error!(%error, "item of the table of events is no event");
        audit::count_defect(&self.app.function_name, &self.app.function_version);
    }

    fn age(&self, event: &UserEvent) -> u64 {
        let now: Timestamp = self.app.clock.now();
        now.seconds_since(event.occurred_at)
    }
}
