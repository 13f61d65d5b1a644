//! DynamoDB as the tables use it: one read, one conditional write, one transaction, each with its errors sorted into
//! answers, passing troubles and defects. Knows nothing of users.

mod error;
mod malformed_response;
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

pub use self::{error::Error, slot::Slot, write::Write};
use self::{
    error::{Rejection, WriteError, classify, classify_cancellation},
    malformed_response::MalformedResponse,
    unanswered_attempts::UnansweredAttempts,
};
use crate::domain::random::Random;

/// An item as DynamoDB hands it over.
pub type Item = HashMap<String, AttributeValue>;

/// What came of a conditional write.
pub enum WriteOutcome {
    /// It took place.
    Done,
    /// Its condition did not hold; the item that stands in its place, if there is one.
    Refused(Option<Item>),
}

/// What came of a transaction.
pub enum Committed {
    /// All of it took place.
    Done,
    /// None of it did: for each write whether its condition held.
    Refused(Vec<WriteOutcome>),
}

/// Tries of a write that collides with another one's transaction. The SDK does not retry these.
const MAX_CONFLICT_ATTEMPTS: u32 = 6;

/// Bound on a transaction with the SDK's retries; single operations have the client's own, shorter one.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(7);

/// A connection to DynamoDB. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    client: Client,
    random: Random,
}

impl Database {
    /// DynamoDB through `client`; `random` gives names to writes and jitter to retries.
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

    /// A name for a write, which nobody else's has.
    #[must_use]
    pub fn new_write_id(&self) -> String {
        self.random.name()
    }

    /// The item at `key`, read strongly.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked, or the item is not a `T`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        table: &str,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| classify("GetItem", &error))?;
        answer.item.map(read).transpose()
    }

    /// What stands at `key`, for somebody who can do without it.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
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

    /// Carries out one conditional write.
    ///
    /// A write that finds its own name in the item's `writer` has taken place already (its answer was lost): it is
    /// [`WriteOutcome::Done`].
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn write(&self, write: &Write) -> Result<WriteOutcome, Error> {
        self.write_or_doubt(write).await.map(|(outcome, _)| outcome)
    }

    /// The same, and whether an attempt was not answered: though refused in the end, that one may have taken place, and
    /// another write have put its own name over it since.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn write_or_doubt(&self, write: &Write) -> Result<(WriteOutcome, bool), Error> {
        let doubt = UnansweredAttempts::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.send(write, &doubt).await {
                Ok(()) => return Ok((WriteOutcome::Done, false)),
                Err(Rejection::Condition(item)) if write.is_own(item.as_ref()) => {
                    return Ok((WriteOutcome::Done, false));
                }
                Err(Rejection::Condition(item)) => {
                    return Ok((WriteOutcome::Refused(item), doubt.any()));
                }
                Err(Rejection::WriteError(WriteError::Conflict(_)))
                    if attempt < MAX_CONFLICT_ATTEMPTS =>
                {
                    self.back_off(attempt).await;
                }
                Err(Rejection::WriteError(
                    WriteError::Conflict(error) | WriteError::Error(error),
                )) => {
                    return Err(error);
                }
            }
        }
    }

    /// Carries out all of `writes` or none.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn transact(&self, writes: &[Write]) -> Result<Committed, Error> {
        let token = self.random.name();
        let items = writes
            .iter()
            .map(Write::to_transact_item)
            .collect::<Result<Vec<_>, _>>()?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.send_transaction(&token, items.clone()).await {
                Ok(None) => return Ok(Committed::Done),
                Ok(Some(outcomes)) if is_own(writes, &outcomes) => return Ok(Committed::Done),
                Ok(Some(outcomes)) => return Ok(Committed::Refused(outcomes)),
                Err(WriteError::Conflict(_)) if attempt < MAX_CONFLICT_ATTEMPTS => {
                    self.back_off(attempt).await;
                }
                Err(WriteError::Conflict(error) | WriteError::Error(error)) => return Err(error),
            }
        }
    }

    /// The outcome of each condition, or nothing if all held.
    async fn send_transaction(
        &self,
        token: &str,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<WriteOutcome>>, WriteError> {
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(token);
        let transaction = transaction.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let times = TimeoutConfig::builder()
            .operation_timeout(TRANSACTION_TIMEOUT)
            .build();
        let sent = transaction
            .customize()
            .config_override(Builder::default().timeout_config(times))
            .send()
            .await;
        sent.map_or_else(
            |error| classify_cancellation(&error).map(Some),
            |_| Ok(None),
        )
    }

    /// Waits a random time, twice as long on average with each attempt: 10 to 20 ms after the first.
    pub async fn back_off(&self, attempt: u32) {
        let [random] = self.random.bytes();
        let base = 10u64 << attempt.min(6);
        tokio::time::sleep(Duration::from_millis(
            base / 2 + base * u64::from(random) / 512,
        ))
        .await;
    }
}

fn is_own(writes: &[Write], outcomes: &[WriteOutcome]) -> bool {
    writes
        .iter()
        .zip(outcomes)
        .any(|(write, outcome)| match outcome {
            WriteOutcome::Refused(item) => write.is_own(item.as_ref()),
            WriteOutcome::Done => false,
        })
}

/// The item as a `T`.
///
/// # Errors
/// [`Error`] if it is not one.
pub fn read<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(|error| Error::unreadable(&error))
}
