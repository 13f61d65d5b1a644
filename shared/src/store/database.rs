//! A small DynamoDB client: one read, one conditional write, one transaction. Errors are classified into failed
//! conditions, retryable errors and defects. Knows nothing of users.
//!
//! Every function here returns [`Error`] if the request failed or its response could not be parsed.

mod assignments;
mod error;
mod malformed_response;
mod scan;
mod single;
mod slot;
mod unanswered_attempts;
mod write;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    types::{AttributeValue, ReturnConsumedCapacity, TransactWriteItem},
};
use serde::de::DeserializeOwned;

pub use self::{assignments::Assignments, error::Error, scan::Page, slot::Slot, write::Write};
use self::{
    error::{Rejection, WriteError, classify, classify_cancellation},
    malformed_response::MalformedResponse,
    unanswered_attempts::UnansweredAttempts,
};
use crate::domain::random::Random;

/// An item's attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// The outcome of a conditional write.
pub enum WriteOutcome {
    /// The write was applied.
    Done,
    /// The condition failed and nothing was written. Carries the current item, if there is one.
    ConditionFailed(Option<Item>),
    /// The condition failed in the end, but an earlier attempt got no response and may have been applied. Carries the
    /// current item, if there is one.
    Ambiguous(Option<Item>),
}

impl WriteOutcome {
    /// Returns true if the write was certainly applied.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Returns the item that the condition failed on, if there is one.
    #[must_use]
    pub fn current_item(self) -> Option<Item> {
        match self {
            Self::Done => None,
            Self::ConditionFailed(item) | Self::Ambiguous(item) => item,
        }
    }
}

/// The outcome of a transaction.
pub enum Committed {
    /// All writes were applied.
    Done,
    /// At least one condition failed and nothing was written. Carries one outcome per write, in their order.
    Refused(Vec<WriteOutcome>),
}

impl Committed {
    /// Returns true if the transaction was applied.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Maximum attempts of a write that conflicts with a transaction on the same item. The SDK does not retry these.
const MAX_CONFLICT_ATTEMPTS: u32 = 6;

/// Timeout of a transaction, including the SDK's retries. Single operations have the client's own, shorter timeout.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(7);

/// A DynamoDB client. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    client: Client,
    random: Random,
}

impl Database {
    /// Wraps `client`. `random` provides write ids and the jitter of retries.
    #[must_use]
    pub fn new(client: &Client, random: Random) -> Self {
        let config = client.config().to_builder();
        let config = config
            .interceptor(MalformedResponse)
            .retry_classifier(MalformedResponse);
        Self {
            client: Client::from_conf(config.build()),
            random,
        }
    }

    /// Returns a random id for a write: see [`Write::with_write_id`].
    #[must_use]
    pub fn new_write_id(&self) -> String {
        self.random.name()
    }

    /// Returns the item at `key`, by a strongly consistent read.
    pub async fn get<T: DeserializeOwned>(
        &self,
        table: &str,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| classify("GetItem", &error))?;
        output.item.map(read).transpose()
    }

    /// Returns the content of a key that is about to be overwritten, so that an item that cannot be deserialized is no
    /// error.
    pub async fn get_slot<T: DeserializeOwned>(
        &self,
        table: &str,
        key: &str,
    ) -> Result<Slot<T>, Error> {
        match self.get(table, key).await {
            Ok(item) => Ok(item.map_or(Slot::Vacant, Slot::Occupied)),
            Err(error @ Error::Unreadable { .. }) => {
                tracing::error!(%error, "item cannot be deserialized and will be overwritten");
                Ok(Slot::Corrupt)
            }
            Err(error) => Err(error),
        }
    }

    /// Carries out one conditional write, with retries.
    ///
    /// If the condition fails on an item that carries this write's own id, an earlier attempt was applied and only its
    /// response was lost: [`WriteOutcome::Done`].
    pub async fn write(&self, write: &Write) -> Result<WriteOutcome, Error> {
        let unanswered = UnansweredAttempts::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.send(write, &unanswered).await {
                Ok(()) => return Ok(WriteOutcome::Done),
                Err(Rejection::Condition(item)) if write.is_own(item.as_ref()) => {
                    return Ok(WriteOutcome::Done);
                }
                Err(Rejection::Condition(item)) if unanswered.any() => {
                    return Ok(WriteOutcome::Ambiguous(item));
                }
                Err(Rejection::Condition(item)) => return Ok(WriteOutcome::ConditionFailed(item)),
                Err(Rejection::Failed(WriteError::Conflict(_)))
                    if attempt < MAX_CONFLICT_ATTEMPTS =>
                {
                    self.back_off(attempt).await;
                }
                Err(Rejection::Failed(WriteError::Conflict(error) | WriteError::Other(error))) => {
                    return Err(error);
                }
            }
        }
    }

    /// Carries out all of `writes`, or none of them, with retries.
    pub async fn transact(&self, writes: &[Write]) -> Result<Committed, Error> {
        let idempotency_token = self.random.name();
        let items = writes
            .iter()
            .map(Write::to_transact_item)
            .collect::<Result<Vec<_>, _>>()?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self
                .send_transaction(&idempotency_token, items.clone())
                .await
            {
                Ok(None) => return Ok(Committed::Done),
                Ok(Some(outcomes)) if is_own(writes, &outcomes) => return Ok(Committed::Done),
                Ok(Some(outcomes)) => return Ok(Committed::Refused(outcomes)),
                Err(WriteError::Conflict(_)) if attempt < MAX_CONFLICT_ATTEMPTS => {
                    self.back_off(attempt).await;
                }
                Err(WriteError::Conflict(error) | WriteError::Other(error)) => return Err(error),
            }
        }
    }

    /// Returns the outcome of each condition, or `None` if the transaction was applied.
    async fn send_transaction(
        &self,
        idempotency_token: &str,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<WriteOutcome>>, WriteError> {
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(idempotency_token);
        let transaction = transaction.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(TRANSACTION_TIMEOUT)
            .build();
        let sent = transaction
            .customize()
            .config_override(Builder::default().timeout_config(timeouts))
            .send()
            .await;
        sent.map_or_else(
            |error| classify_cancellation(&error).map(Some),
            |_| Ok(None),
        )
    }

    /// Sleeps for a random time that doubles with each attempt: 10 to 20 ms after the first, 320 to 640 ms from the
    /// sixth.
    pub async fn back_off(&self, attempt: u32) {
        let [random] = self.random.bytes();
        let base = 10u64 << attempt.min(6);
        tokio::time::sleep(Duration::from_millis(
            base / 2 + base * u64::from(random) / 512,
        ))
        .await;
    }
}

/// Returns true if one of the conditions failed on an item that carries the write's own id: the transaction was applied.
fn is_own(writes: &[Write], outcomes: &[WriteOutcome]) -> bool {
    writes
        .iter()
        .zip(outcomes)
        .any(|(write, outcome)| match outcome {
            WriteOutcome::ConditionFailed(item) | WriteOutcome::Ambiguous(item) => {
                write.is_own(item.as_ref())
            }
            WriteOutcome::Done => false,
        })
}

/// Deserializes an item.
///
/// # Errors
/// [`Error::Unreadable`] if an attribute is missing or malformed.
pub fn read<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(|error| Error::unreadable(&error))
}
