//! Sends the mails that the other functions queue; the only function that calls SES. The stream of the transient table
//! triggers it, and the mail's item says what to send. The secret of a reset link is generated here and never stored.

mod delivery;
mod error;
mod mailer;
mod message;
mod record;

use std::sync::Arc;

use shared::{
    app::App,
    lambda::{Invoke, WarmUp},
};

use crate::{
    delivery::Delivery,
    error::DeliveryError,
    mailer::Mailer,
    record::{BatchResponse, Event},
};

/// Warms up the connection to DynamoDB: a delivery reads the mail's item and its user.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// Seconds after which no further mail of a batch is started, since the function could time out before it is sent.
const BATCH_SECONDS: u64 = 7;

/// The Lambda function: takes a DynamoDB stream event and returns the record to retry from (`batchItemFailures`).
#[must_use]
pub fn consumer(app: &'static App) -> Invoke {
    let delivery = Arc::new(Delivery::new(app, Mailer::new(app)));
    Arc::new(move |event, context| {
        let delivery = delivery.clone();
        Box::pin(async move {
            let response = match serde_json::from_str::<Event>(event.get()) {
                Ok(event) => deliver_batch(app, &delivery, event).await,
                Err(error) => {
                    // The stream only delivers valid batches. A retry of a manual invocation with anything else would
                    // fail again.
                    tracing::error!(request_id = context.request_id, %error, "not a DynamoDB stream event");
                    BatchResponse::success()
                }
            };
            response.to_json()
        })
    })
}

/// Delivers the mails in the order of the stream, up to the first record that must be retried.
async fn deliver_batch(app: &App, delivery: &Delivery, event: Event) -> BatchResponse {
    let started_at = app.clock.now();
    for record in event.records {
        if app.clock.now().seconds_since(started_at) >= BATCH_SECONDS {
            return BatchResponse::retry_from(&record);
        }
        if let Err(DeliveryError::Retryable(problem)) = delivery.deliver(&record).await {
            tracing::warn!(
                record = record.sequence_number(),
                problem,
                "mail could not be sent and will be retried"
            );
            return BatchResponse::retry_from(&record);
        }
    }
    BatchResponse::success()
}
