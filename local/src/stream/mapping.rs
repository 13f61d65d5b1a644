//! One event source mapping: from its place in the stream it takes records, leaves out those that its filter does not
//! want, and calls its function with the others, a batch at a time and in order, again and again until it succeeds.

use std::{collections::VecDeque, fs, path::PathBuf, time::Duration};

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

use super::filter::Pattern;
use crate::{
    invocation::Functions,
    template::{Mapping, REGION, stream_arn},
};

/// Records that are taken from the stream at a time.
const PAGE: usize = 100;
/// How long one delivery may keep those waiting who asked for it; the next one goes on from there.
const DELIVERY_TIME: Duration = Duration::from_secs(5);
/// The pause after a failure, doubled with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where it is kept how far the stream was delivered, if the data outlive the process.
#[derive(Clone)]
pub(crate) struct Position(pub(crate) Option<PathBuf>);

impl Position {
    fn read(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A position that was not written only means that records are delivered once more, which functions must bear.
    fn write(&self, sequence_number: &str) {
        if let Some(file) = &self.0
            && let Err(error) = fs::write(file, sequence_number)
        {
            tracing::warn!(%error, file = %file.display(), "could not save the stream position");
        }
    }
}

/// A mapping and how far it has got.
pub(crate) struct StreamMapping {
    function: String,
    mapping: Mapping,
    patterns: Vec<Pattern>,
    database: Database,
    position: Position,
    /// Where the next page begins; `None`: to be found out.
    iterator: Option<String>,
    /// Records that are wanted and not delivered yet.
    waiting: VecDeque<Value>,
    /// Size of the next batch: halved when a whole batch fails, so that one bad record ends up alone.
    batch_size: usize,
    pause: Duration,
    paused_until: Option<Instant>,
}

/// What a function answers when the mapping asks for it.
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
    /// A mapping that rings `function`.
    pub(super) fn new(
        function: &str,
        mapping: &Mapping,
        database: Database,
        position: Position,
    ) -> Result<Self, String> {
        Ok(Self {
            function: function.to_owned(),
            patterns: mapping
                .patterns
                .iter()
                .map(|pattern| Pattern::parse(pattern))
                .collect::<Result<_, _>>()?,
            batch_size: mapping.batch_size,
            mapping: mapping.clone(),
            database,
            position,
            iterator: None,
            waiting: VecDeque::new(),
            pause: FIRST_PAUSE,
            paused_until: None,
        })
    }

    /// Delivers until the stream is empty, a record fails, or time is up. After a failure it does nothing for a while,
    /// unless it is to try `at_once`.
    pub(super) async fn deliver(&mut self, functions: &Functions, at_once: bool) {
        if !at_once
            && self
                .paused_until
                .is_some_and(|until| Instant::now() < until)
        {
            return;
        }
        let began = Instant::now();
        while began.elapsed() < DELIVERY_TIME {
            if self.waiting.is_empty() {
                match self.take_page() {
                    Ok(0) => break,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!(%error, table = self.mapping.table, "could not read the stream");
                        self.iterator = None;
                        return self.put_off();
                    }
                }
            }
            if !self.deliver_batch(functions).await {
                return self.put_off();
            }
        }
        (self.pause, self.paused_until) = (FIRST_PAUSE, None);
    }

    fn put_off(&mut self) {
        self.paused_until = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Calls the function with the next batch; `false` if records of it are to be tried again.
    async fn deliver_batch(&mut self, functions: &Functions) -> bool {
        let batch: Vec<&Value> = self.waiting.iter().take(self.batch_size).collect();
        let size = batch.len();
        let event = json!({ "Records": batch });
        let returned = functions
            .call(&self.function, |_| serde_json::value::to_raw_value(&event))
            .await;
        let delivered = self.delivered(size, returned.as_deref());
        match self.waiting.drain(..delivered).next_back() {
            Some(last) => self.position.write(sequence_number(&last)),
            None => self.batch_size = (size / 2).max(1),
        }
        if delivered == size {
            self.batch_size = self.mapping.batch_size;
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

    /// How many records of a batch of `size` are done with: those before the first that failed.
    fn delivered(&self, size: usize, returned: Option<&RawValue>) -> usize {
        let Some(returned) = returned else { return 0 };
        if !self.mapping.reports_failures {
            return size;
        }
        // As on Lambda: nothing, or no list, means that all went well; an identifier that is none, that all failed.
        let Ok(Some(response)) = serde_json::from_str::<Option<BatchResponse>>(returned.get())
        else {
            return if returned.get() == "null" { size } else { 0 };
        };
        let index_of = |failure: &ItemFailure| {
            self.waiting
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

    /// Takes the next page of the stream; gives the number of records in it, wanted or not.
    fn take_page(&mut self) -> Result<usize, DynoxideError> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => match self.first_iterator()? {
                Some(iterator) => iterator,
                None => return Ok(0),
            },
        };
        let page = self.database.get_records(GetRecordsRequest {
            shard_iterator: iterator,
            limit: Some(PAGE),
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
            .map(|record| event_record(record, &self.mapping.table));
        let wanted: Vec<Value> = events.filter(|event| self.wants(event)).collect();
        self.waiting.extend(wanted);
        if let Some(last) = last.filter(|_| self.waiting.is_empty()) {
            self.position.write(&last);
        }
        Ok(size)
    }

    fn wants(&self, event: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(event))
    }

    /// Where to begin: after what was delivered before, or at the stream's beginning.
    fn first_iterator(&self) -> Result<Option<String>, DynoxideError> {
        let table = &self.mapping.table;
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
        let sequence_number = self.position.read();
        let kind = if sequence_number.is_some() {
            "AFTER_SEQUENCE_NUMBER"
        } else {
            "TRIM_HORIZON"
        };
        let iterator = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id: shard.shard_id,
            shard_iterator_type: kind.to_owned(),
            sequence_number,
        })?;
        Ok(iterator.shard_iterator)
    }
}

/// The record as Lambda shows it to a function.
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
