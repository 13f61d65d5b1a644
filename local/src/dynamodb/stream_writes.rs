//! The number of requests that may have written to a table with a stream, so that a stream is read only after a write: the
//! embedded database searches all records of a stream for new ones, and keeps every record.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::template::Table;

/// The operations that write nothing.
const READS: [&str; 5] = [
    "BatchGetItem",
    "GetItem",
    "Query",
    "Scan",
    "TransactGetItems",
];

/// The counter. Cheap to clone; clones share the number.
#[derive(Clone, Default)]
pub(crate) struct StreamWrites {
    tables: Arc<[String]>,
    count: Arc<AtomicU64>,
}

impl StreamWrites {
    /// Counts writes to those of `tables` that have a stream.
    pub(crate) fn new(tables: &[Table]) -> Self {
        let with_stream = tables.iter().filter(|table| table.stream.is_some());
        Self {
            tables: with_stream.map(|table| table.name.clone()).collect(),
            count: Arc::default(),
        }
    }

    /// Counts a request after it is processed, unless it only reads or names no table with a stream.
    pub(crate) fn record(&self, operation: &str, body: &[u8]) {
        let names = |table: &String| {
            let mut parts = body.windows(table.len());
            parts.any(|part| part == table.as_bytes())
        };
        if !READS.contains(&operation) && self.tables.iter().any(names) {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The number so far. A stream that had no new record after this was read has none while the number stays the same,
    /// apart from what the server itself deletes.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes() -> StreamWrites {
        let table = |name: &str, stream: Option<&str>| Table {
            name: name.to_owned(),
            key: vec![("pk".to_owned(), "S".to_owned())],
            ttl_attribute: None,
            stream: stream.map(str::to_owned),
        };
        StreamWrites::new(&[table("Users", None), table("Mails", Some("NEW_IMAGE"))])
    }

    #[test]
    fn writes_to_a_table_with_a_stream_count() {
        let writes = writes();
        writes.record("PutItem", br#"{"TableName":"Mails"}"#);
        let transaction =
            br#"{"TransactItems":[{"Put":{"TableName":"Users"}},{"Put":{"TableName":"Mails"}}]}"#;
        writes.record("TransactWriteItems", transaction);
        assert_eq!(writes.count(), 2);
    }

    #[test]
    fn reads_and_other_tables_do_not_count() {
        let writes = writes();
        writes.record("GetItem", br#"{"TableName":"Mails"}"#);
        writes.record("UpdateItem", br#"{"TableName":"Users"}"#);
        writes.record("PutItem", b"");
        assert_eq!(writes.count(), 0);
    }
}
