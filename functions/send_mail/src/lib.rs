//! Sends the mails that the other functions asked for: the only function that knows SES. The table's stream rings it;
//! what is to be sent stands in the mail's item, and the secret of a reset link is made here and nowhere kept.

mod delivery;
mod mailer;
mod message;
mod record;

use std::sync::Arc;

use shared::{
    app::App,
    lambda::{Invoke, WarmUp},
};

use crate::{
    delivery::{Delivery, DeliveryError},
    mailer::Mailer,
    record::{BatchResponse, Event},
};

/// A user is read first.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// Seconds after which no further mail of a batch is begun: the function would be ended in the midst of it.
const BATCH_SECONDS: u64 = 7;

/// The function: a stream's event in, the record to go on with out.
#[must_use]
pub fn consumer(app: &'static App) -> Invoke {
    let delivery = Arc::new(Delivery::new(app, Mailer::new(app)));
    Arc::new(move |event, context| {
        let delivery = delivery.clone();
        Box::pin(async move {
            let failures = match serde_json::from_str::<Event>(event.get()) {
                Ok(event) => deliver(app, &delivery, event).await,
                Err(error) => {
                    // Lambda only ever hands over whole batches of the stream: whoever calls with anything else is told
                    // by the log, and gains nothing by trying again.
                    tracing::error!(request_id = context.request_id, %error, "not a DynamoDB stream event");
                    BatchResponse::none()
                }
            };
            failures.to_json()
        })
    })
}

/// In the stream's order, up to the first record that has to be tried again.
async fn deliver(app: &App, delivery: &Delivery, event: Event) -> BatchResponse {
    let started_at = app.clock.now();
    for record in event.records {
        if app.clock.now().seconds_since(started_at) >= BATCH_SECONDS {
            return BatchResponse::from(&record);
        }
        if let Err(DeliveryError::Retryable(problem)) = delivery.deliver(&record).await {
            tracing::warn!(
                record = record.sequence_number(),
                problem,
                "mail could not be sent and will be retried"
            );
            return BatchResponse::from(&record);
        }
    }
    BatchResponse::none()
}
