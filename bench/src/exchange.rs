//! Requests to the services of AWS, and their responses.

use hyper::{StatusCode, body::Bytes, header::HeaderValue};

/// The prefix of DynamoDB's operations in `X-Amz-Target`.
pub const DYNAMODB: &str = "DynamoDB_20120810.";

/// A request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The operation and, if it concerns a single table, the table.
    pub key: String,
    /// The key of the item that is read or written; `None` if the request has none, or several.
    pub item: Option<String>,
    /// The status of the response.
    pub status: StatusCode,
    /// The `Content-Type` of the response.
    pub media_type: HeaderValue,
    /// The body of the response.
    pub body: Bytes,
    /// The capacity units that DynamoDB reported.
    pub units: f64,
}

impl Exchange {
    /// True if the request is one to DynamoDB.
    pub fn is_dynamodb(&self) -> bool {
        self.key.starts_with(DYNAMODB)
    }

    /// True if the request reads tables and writes none.
    pub fn is_read(&self) -> bool {
        ["Get", "BatchGet", "TransactGet", "Query"]
            .iter()
            .any(|verb| {
                self.key
                    .strip_prefix(DYNAMODB)
                    .is_some_and(|operation| operation.starts_with(verb))
            })
    }
}

/// The exchanges of one process.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Those before the first call.
    pub start: Vec<Exchange>,
    /// Those of one call.
    pub call: Vec<Exchange>,
}
