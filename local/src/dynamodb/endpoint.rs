//! DynamoDB's wire protocol (AWS JSON 1.0) over the embedded database. The database interprets requests; this file only
//! finds the operation that a request names. It does not check credentials: see [`crate::http_server::guard`].

use dynoxide::{Database, DynoxideError};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};

use super::StreamWrites;
use crate::http_server::{self, Response, empty_response};

/// The header that names the operation.
const TARGET: &str = "x-amz-target";

/// The API versions of DynamoDB and of its streams, which precede the operation's name.
const VERSIONS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// DynamoDB's response to an operation that it does not have.
const UNKNOWN_OPERATION: &str =
    r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

/// Handles one request of an SDK.
pub(super) async fn handle(
    database: Database,
    writes: StreamWrites,
    request: Request<Full<Bytes>>,
) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/" {
        return empty_response(StatusCode::NOT_FOUND);
    }
    let target = request.headers().get(TARGET);
    let target = target
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = VERSIONS
        .iter()
        .find_map(|version| target.strip_prefix(version))
        .unwrap_or_default()
        .to_owned();
    let Ok(body) = request.into_body().collect().await;
    let body = body.to_bytes();
    let result = dispatch(&database, &operation, &body);
    writes.record(&operation, &body);
    let (status, body) = match result {
        None => (StatusCode::BAD_REQUEST, UNKNOWN_OPERATION.to_owned()),
        Some(Ok(body)) => (StatusCode::OK, body),
        Some(Err(error)) => {
            let status = StatusCode::from_u16(error.status_code());
            (
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                error.to_json(),
            )
        }
    };
    let mut response = Response::new(http_server::body(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    response
}

/// Calls the method of the database for each operation.
macro_rules! operations {
    ($database:ident, $operation:ident, $body:ident: $($name:literal $method:ident)*) => {
        match $operation {
            $($name => Some(call($body, |request| $database.$method(request))),)*
            _ => None,
        }
    };
}

/// Returns `None` if there is no such operation.
fn dispatch(
    database: &Database,
    operation: &str,
    body: &[u8],
) -> Option<Result<String, DynoxideError>> {
    operations!(database, operation, body:
        "BatchExecuteStatement" batch_execute_statement
        "BatchGetItem" batch_get_item
        "BatchWriteItem" batch_write_item
        "CreateTable" create_table
        "DeleteItem" delete_item
        "DeleteTable" delete_table
        "DescribeStream" describe_stream
        "DescribeTable" describe_table
        "DescribeTimeToLive" describe_time_to_live
        "ExecuteStatement" execute_statement
        "ExecuteTransaction" execute_transaction
        "GetItem" get_item
        "GetRecords" get_records
        "GetShardIterator" get_shard_iterator
        "ListStreams" list_streams
        "ListTables" list_tables
        "ListTagsOfResource" list_tags_of_resource
        "PutItem" put_item
        "Query" query
        "Scan" scan
        "TagResource" tag_resource
        "TransactGetItems" transact_get_items
        "TransactWriteItems" transact_write_items
        "UntagResource" untag_resource
        "UpdateItem" update_item
        "UpdateTable" update_table
        "UpdateTimeToLive" update_time_to_live
    )
}

fn call<Input: DeserializeOwned, Output: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Input) -> Result<Output, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    let response = operation(request)?;
    serde_json::to_string(&response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
