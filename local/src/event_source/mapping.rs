//! One event source mapping: reads records from the stream, skips those that do not match its filter, and invokes its
//! function with the others, in order and in batches. Retries a failed batch without a limit.

use std::{collections::VecDeque, time::Duration};

use dynoxide::{
    Database, DynoxideError,
    actions::{
        describe_stream::DescribeStreamRequest,
        get_records::{GetRecordsRequest, Record},
        get_shard_iterator::GetShardIteratorRequest,
    },
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;

use super::{Cause, checkpoint::Checkpoint, filter::Pattern};
use crate::{
    dynamodb::StreamWrites,
    lambda::Functions,
    template::{EventSourceMapping, REGION, stream_arn},
};

/// The number of records that are read from the stream at once.
const PAGE_SIZE: usize = 100;
/// The longest time of one delivery, which others wait for. The next delivery continues from there.
const MAX_DELIVERY_TIME: Duration = Duration::from_secs(5);
/// The delay before the first retry. Every further failure doubles it.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The longest delay before a retry.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(1);

/// An event source mapping and its position in the stream.
pub(super) struct StreamMapping {
    function: String,
    settings: EventSourceMapping,
    patterns: Vec<Pattern>,
    database: Database,
    writes: StreamWrites,
    /// The number of writes before the last read that found the end of the stream.
    drained_at: Option<u64>,
    checkpoint: Checkpoint,
    /// The shard iterator of the next page; `None` before the first read and after a failed one.
    iterator: Option<String>,
    /// Matching records that are not delivered yet.
    pending: VecDeque<Value>,
    /// The size of the next batch. Halved if a whole batch fails, which isolates a bad record.
    batch_size: usize,
    retry_delay: Duration,
    retry_at: Option<Instant>,
}

/// The response of a function whose mapping has `ReportBatchItemFailures`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    #[serde(default)]
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl StreamMapping {
    /// A mapping that invokes `function`.
    pub(super) fn new(
        function: &str,
        settings: &EventSourceMapping,
        (database, writes): (Database, StreamWrites),
        checkpoint: Checkpoint,
    ) -> Result<Self, String> {
        Ok(Self {
            function: function.to_owned(),
            patterns: settings
                .patterns
                .iter()
                .map(|pattern| Pattern::parse(pattern))
                .collect::<Result<_, _>>()?,
            batch_size: settings.batch_size,
            settings: settings.clone(),
            database,
            writes,
            drained_at: None,
            checkpoint,
            iterator: None,
            pending: VecDeque::new(),
            retry_delay: MIN_RETRY_DELAY,
            retry_at: None,
        })
    }

    /// Delivers until the stream is empty, a record fails or [`MAX_DELIVERY_TIME`] is over. After a failure it does
    /// nothing until the retry delay is over, unless `cause` is a retry. On a request it reads the stream only if there was a
    /// write since the stream was empty.
    pub(super) async fn deliver(&mut self, functions: &Functions, cause: Cause) {
        if cause != Cause::Retry && self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let started = Instant::now();
        while started.elapsed() < MAX_DELIVERY_TIME {
            if self.pending.is_empty() {
                let writes = self.writes.count();
                if cause == Cause::Request && self.drained_at == Some(writes) {
                    break;
                }
                match self.read_page() {
                    Ok(size) => {
                        // Later records come from later writes.
                        self.drained_at = (size < PAGE_SIZE).then_some(writes);
                        if size == 0 {
                            break;
                        }
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(%error, table = self.settings.table, "could not read the stream");
                        self.iterator = None;
                        return self.back_off();
                    }
                }
            }
            if !self.deliver_batch(functions).await {
                return self.back_off();
            }
        }
        (self.retry_delay, self.retry_at) = (MIN_RETRY_DELAY, None);
    }

    fn back_off(&mut self) {
        self.retry_at = Some(Instant::now() + self.retry_delay);
        self.retry_delay = (self.retry_delay * 2).min(MAX_RETRY_DELAY);
    }

    /// Invokes the function with the next batch. Returns false if any of its records must be retried.
    async fn deliver_batch(&mut self, functions: &Functions) -> bool {
        let batch: Vec<&Value> = self.pending.iter().take(self.batch_size).collect();
        let size = batch.len();
        let event = json!({ "Records": batch });
        let returned = functions
            .invoke(&self.function, |_| serde_json::value::to_raw_value(&event))
            .await;
        let delivered = self.count_delivered(size, returned.as_deref());
        match self.pending.drain(..delivered).next_back() {
            Some(last) => self.checkpoint.write(sequence_number(&last)),
            None => self.batch_size = (size / 2).max(1),
        }
        if delivered == size {
            self.batch_size = self.settings.batch_size;
        } else {
            tracing::warn!(
                function = self.function,
                delivered,
                size,
                "batch failed and will be retried"
            );
        }
        delivered == size
    }

    /// The number of records of a batch that are delivered: those before the first failed one.
    fn count_delivered(&self, size: usize, returned: Option<&RawValue>) -> usize {
        let Some(returned) = returned else { return 0 };
        if !self.settings.reports_failures {
            return size;
        }
        // As on Lambda: `null` or an empty list is a success; an unknown identifier fails the whole batch.
        let Ok(Some(response)) = serde_json::from_str::<Option<BatchResponse>>(returned.get())
        else {
            return if returned.get() == "null" { size } else { 0 };
        };
        let index_of = |failure: &ItemFailure| {
            self.pending
                .iter()
                .take(size)
                .position(|record| sequence_number(record) == failure.item_identifier)
        };
        response
            .batch_item_failures
            .iter()
            .map(|failure| index_of(failure).unwrap_or(0))
            .min()
            .unwrap_or(size)
    }

    /// Reads the next page of the stream and returns the number of its records, matching or not.
    fn read_page(&mut self) -> Result<usize, DynoxideError> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => match self.initial_iterator()? {
                Some(iterator) => iterator,
                None => return Ok(0),
            },
        };
        let page = self.database.get_records(GetRecordsRequest {
            shard_iterator: iterator,
            limit: Some(PAGE_SIZE),
        })?;
        self.iterator = page.next_shard_iterator;
        let size = page.records.len();
        let last = page
            .records
            .last()
            .map(|record| record.dynamodb.sequence_number.clone());
        let events = page
            .records
            .iter()
            .map(|record| event_record(record, &self.settings.table));
        let matching: Vec<Value> = events.filter(|event| self.matches(event)).collect();
        self.pending.extend(matching);
        if let Some(last) = last.filter(|_| self.pending.is_empty()) {
            self.checkpoint.write(&last);
        }
        Ok(size)
    }

    fn matches(&self, event: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(event))
    }

    /// The shard iterator after the checkpoint, or at the start of the stream if there is none.
    fn initial_iterator(&self) -> Result<Option<String>, DynoxideError> {
        let table = &self.settings.table;
        let label = self
            .database
            .get_table_metadata(table)?
            .and_then(|metadata| metadata.stream_label)
            .unwrap_or_default();
        let stream_arn = dynoxide::streams::stream_arn(table, &label);
        let request = DescribeStreamRequest {
            stream_arn: stream_arn.clone(),
            ..DescribeStreamRequest::default()
        };
        let stream = self.database.describe_stream(request)?.stream_description;
        let Some(shard) = stream.shards.into_iter().next() else {
            return Ok(None);
        };
        let sequence_number = self.checkpoint.read();
        let iterator_type = if sequence_number.is_some() {
            "AFTER_SEQUENCE_NUMBER"
        } else {
            "TRIM_HORIZON"
        };
        let iterator = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id: shard.shard_id,
            shard_iterator_type: iterator_type.to_owned(),
            sequence_number,
        })?;
        Ok(iterator.shard_iterator)
    }
}

/// The record as in an event of Lambda.
fn event_record(record: &Record, table: &str) -> Value {
    let mut event = json!(record);
    if let Value::Object(fields) = &mut event {
        fields.insert("awsRegion".to_owned(), json!(REGION));
        fields.insert("eventSourceARN".to_owned(), json!(stream_arn(table)));
    }
    event
}

fn sequence_number(record: &Value) -> &str {
    record
        .pointer("/dynamodb/SequenceNumber")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
