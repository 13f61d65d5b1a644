//! The kinds of fault, and the error responses of the services.

use std::time::Duration;

use hyper::{
    StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

use super::{Gate, MalformedResponse};
use crate::http_server::{Response, body};

/// The fault to inject into a call.
#[derive(Clone, Debug)]
pub enum FaultAction {
    /// None: the call is forwarded.
    Forward,
    /// The call is not forwarded, and this error is returned.
    Error(u16, Value),
    /// The call is not forwarded, and this error of SES is returned.
    SesError(u16, &'static str),
    /// The call is not forwarded, and this error of SES is returned, with this message.
    SesRefusal(&'static str, String),
    /// The call is forwarded after a delay.
    Delay(Duration),
    /// The call is forwarded once the gate is open.
    Hold(Gate),
    /// The connection is cut before the call is forwarded.
    CutBefore,
    /// The call is forwarded, and the connection is cut instead of a response.
    CutAfter,
    /// The call is forwarded, and its response arrives malformed.
    Malform(MalformedResponse),
    /// The call is not forwarded, and this response is returned: status, content type and body.
    Replace(u16, &'static str, &'static str),
}

/// The header in which SES and EventBridge Scheduler name an error.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The message of every injected error.
const MESSAGE: &str = "injected by the development server";

/// The media type of DynamoDB's responses.
const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

impl FaultAction {
    /// The response to return in place of forwarding the call.
    pub(super) fn replacement(self) -> Option<Response> {
        let (status, text, media_type, error_type) = match self {
            Self::Error(status, error) => (status, error.to_string(), MEDIA_TYPE, None),
            Self::SesError(status, kind) => {
                let error = json!({"message": MESSAGE}).to_string();
                (status, error, MEDIA_TYPE, Some(kind))
            }
            Self::SesRefusal(kind, message) => {
                let error = json!({"message": message}).to_string();
                (400, error, MEDIA_TYPE, Some(kind))
            }
            Self::Replace(status, kind, text) => (status, text.to_owned(), kind, None),
            _ => return None,
        };
        let mut response = Response::new(body(Bytes::from(text)));
        let status = StatusCode::from_u16(status);
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(kind) = error_type {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
        }
        Some(response)
    }
}

/// An error in DynamoDB's form.
#[must_use]
pub fn error(status: u16, code: &str) -> FaultAction {
    FaultAction::Error(status, json!({"__type": kind(code), "message": MESSAGE}))
}

/// The cancellation of a transaction, with a reason for each of its writes.
#[must_use]
pub fn cancelled(reasons: &[&str]) -> FaultAction {
    let kind = kind("TransactionCanceledException");
    let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code})).collect();
    FaultAction::Error(
        400,
        json!({"__type": kind, "Message": MESSAGE, "CancellationReasons": reasons}),
    )
}

/// The error of a condition that failed on `item`, given as plain JSON.
#[must_use]
pub fn rejected_by(item: &Value) -> FaultAction {
    let kind = kind("ConditionalCheckFailedException");
    let item = typed(item).get("M").cloned();
    FaultAction::Error(
        400,
        json!({"__type": kind, "message": MESSAGE, "Item": item}),
    )
}

fn kind(code: &str) -> String {
    format!("com.amazonaws.dynamodb.v20120810#{code}")
}

/// A value in DynamoDB's JSON.
#[must_use]
pub fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({"S": text}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, typed(value)));
            json!({"M": fields.collect::<std::collections::BTreeMap<_, _>>()})
        }
        Value::Array(values) => json!({"L": values.iter().map(typed).collect::<Vec<_>>()}),
        Value::Null => json!({"NULL": true}),
    }
}
