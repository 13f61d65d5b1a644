//! Sends the mails that the other functions asked for: the only function that knows SES. The table's stream rings it;
//! what is to be sent stands in the mail's item, and the secret of a reset link is made here and nowhere kept.

mod delivery;
mod letter;
mod postman;
mod record;

use std::sync::Arc;

use shared::{
    app::App,
    lambda::{Invoke, Opening},
};

use crate::{
    delivery::{Delivery, Trouble},
    postman::Postman,
    record::{Event, Failures},
};

/// A user is read first.
pub const OPENING: Opening = Opening::Users;

/// Seconds after which no further mail of a batch is begun: the function would be ended in the midst of it.
const BATCH_SECONDS: u64 = 7;

/// The function: a stream's event in, the record to go on with out.
#[must_use]
pub fn consumer(app: &'static App) -> Invoke {
    let delivery = Arc::new(Delivery::new(app, Postman::new(app)));
    Arc::new(move |event, context| {
        let delivery = delivery.clone();
        Box::pin(async move {
            let failures = match serde_json::from_str::<Event>(event.get()) {
                Ok(event) => deliver(app, &delivery, event).await,
                Err(error) => {
                    // Lambda only ever hands over whole batches of the stream: whoever calls with anything else is told
                    // by the log, and gains nothing by trying again.
                    tracing::error!(request_id = context.request_id, %error, "this is no event of a DynamoDB stream");
                    Failures::none()
                }
            };
            failures.to_json()
        })
    })
}

/// In the stream's order, up to the first record that has to be tried again.
async fn deliver(app: &App, delivery: &Delivery, event: Event) -> Failures {
    let started_at = app.clock.now();
    for record in event.records {
        if app.clock.now().seconds_since(started_at) >= BATCH_SECONDS {
            return Failures::from(&record);
        }
        if let Err(Trouble::Passing(problem)) = delivery.deliver(&record).await {
            tracing::warn!(
                record = record.sequence_number(),
                problem,
                "a mail could not be sent for the moment"
            );
            return Failures::from(&record);
        }
    }
    Failures::none()
}
