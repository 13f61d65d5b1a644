//! Sends a single write as an SDK request.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use super::{
    Database, Write,
    error::Rejection,
    unanswered_attempts::UnansweredAttempts,
    write::{Action, conditional},
};

/// Finishes and sends a conditional request. A macro, since the SDK's three request builders share no trait.
macro_rules! send {
    ($operation:literal, $request:expr, $unanswered:expr) => {
        $request
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor($unanswered.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| Rejection::of($operation, &error))
    };
}

impl Database {
    /// Sends `write` with the SDK's retries, which `unanswered` observes.
    pub(super) async fn send(
        &self,
        write: &Write,
        unanswered: &UnansweredAttempts,
    ) -> Result<(), Rejection> {
        match &write.action {
            Action::Put(item) => {
                let request =
                    conditional!(self.client.put_item(), write).set_item(Some(item.clone()));
                send!("PutItem", request, unanswered)
            }
            Action::Update(expression) => {
                let request = conditional!(self.client.update_item(), write)
                    .set_key(Some(write.key()))
                    .update_expression(expression);
                send!("UpdateItem", request, unanswered)
            }
            Action::Delete => {
                let request =
                    conditional!(self.client.delete_item(), write).set_key(Some(write.key()));
                send!("DeleteItem", request, unanswered)
            }
        }
    }
}
