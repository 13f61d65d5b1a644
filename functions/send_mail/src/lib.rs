//! Sends the mails that the other functions queue; the only function that calls SES. The stream of the transient table
//! triggers it, and the mail's item says what to send. The secret of a reset link is generated here and never stored.
//!
//! A mail that cannot be sent now gets a schedule, which invokes this function for it until it is settled. It never holds
//! up the stream, in which other mails wait.

mod delivery;
mod error;
mod event;
mod greeting;
mod mailer;
mod message;
mod pause;
mod recipient_limit;
mod retries;

use std::sync::Arc;

use shared::{
    app::App,
    audit,
    lambda::{Invoke, WarmUp},
};

use crate::{
    delivery::{Delivery, Outcome},
    event::{BatchResponse, Event, MailRef, Record},
    mailer::Mailer,
    retries::Retries,
};

/// Warms up the connection to DynamoDB: a delivery reads the mail's item and its user.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// Seconds after which no further mail of a batch is started, since the function could time out before it is sent.
const BATCH_SECONDS: u64 = 5;

struct Consumer {
    app: &'static App,
    delivery: Delivery,
    retries: Retries,
}

/// The Lambda function: takes a batch of the stream and returns the record to retry from (`batchItemFailures`), or takes
/// the retry of one mail.
#[must_use]
pub fn consumer(app: &'static App) -> Invoke {
    let consumer = Arc::new(Consumer {
        app,
        delivery: Delivery::new(app, Mailer::new(app)),
        retries: Retries::new(app),
    });
    Arc::new(move |event, context| {
        let consumer = consumer.clone();
        Box::pin(async move {
            Ok(match Event::parse(event.get()) {
                Ok(Event::Records(records)) => {
                    let function_arn = &context.invoked_function_arn;
                    consumer
                        .deliver_batch(records, function_arn)
                        .await
                        .to_json()
                }
                Ok(Event::Retry(mail)) => {
                    consumer.retry(&mail).await;
                    BatchResponse::success().to_json()
                }
                Err(error) => {
                    // Streams and schedules only deliver valid events. A retry of a manual invocation with anything
                    // else would fail again.
                    tracing::error!(request_id = context.request_id, %error, "event is neither a batch of a DynamoDB stream nor a retry");
                    audit::count_defect(&app.function_name, &app.function_version);
                    BatchResponse::success().to_json()
                }
            })
        })
    })
}

impl Consumer {
    /// Delivers the mails in the order of the stream. A record is retried by the stream only if its mail can neither be
    /// sent nor be scheduled for a retry, or if the time of this batch is over.
    async fn deliver_batch(&self, records: Vec<Record>, function_arn: &str) -> BatchResponse {
        let started_at = self.app.clock.now();
        for record in records {
            if self.app.clock.now().seconds_since(started_at) >= BATCH_SECONDS {
                return BatchResponse::retry_from(&record);
            }
            let Some(mail) = record.mail() else {
                let record = record.sequence_number();
                tracing::error!(record, "stream record is not a mail item");
                continue;
            };
            if let Err(problem) = self.deliver(&mail, function_arn).await {
                tracing::error!(
                    mail = mail.key.as_str(),
                    problem,
                    "retry could not be scheduled; the stream holds all mails until it can"
                );
                return BatchResponse::retry_from(&record);
            }
        }
        BatchResponse::success()
    }

    async fn deliver(&self, mail: &MailRef, function_arn: &str) -> Result<(), String> {
        match self.delivery.deliver(mail).await {
            Outcome::Settled => Ok(()),
            Outcome::Retry => {
                let now = self.app.clock.now();
                self.retries.schedule(mail, function_arn, now).await
            }
        }
    }

    async fn retry(&self, mail: &MailRef) {
        if self.delivery.deliver(mail).await == Outcome::Settled {
            self.retries.end(mail).await;
        }
    }
}
