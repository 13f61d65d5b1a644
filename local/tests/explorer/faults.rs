//! What can go wrong with a call.

use serde_json::{Value, json};

use crate::{
    database::Reply,
    wire::{Call, SEND_MAIL},
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// DynamoDB throttles the call.
    Throttled,
    /// The call does not arrive.
    LostRequest,
    /// The call is carried out, and its response does not arrive.
    LostResponse,
    /// The transaction is cancelled, since one of its items is throttled.
    Cancelled,
    /// The write conflicts with a transaction.
    Conflict,
    /// The call is carried out, and the process ends. What waits for the response repeats the request.
    Killed,
}

/// Every fault.
pub const FAULTS: [Fault; 6] = [
    Fault::Throttled,
    Fault::LostRequest,
    Fault::LostResponse,
    Fault::Cancelled,
    Fault::Conflict,
    Fault::Killed,
];

impl Fault {
    /// Returns true if the fault can happen to a call of this operation.
    pub fn is_possible(self, operation: &str) -> bool {
        let is_elsewhere = operation == SEND_MAIL || operation.ends_with("Schedule");
        match self {
            Self::Cancelled => operation == "TransactWriteItems",
            Self::Conflict => operation != "GetItem" && !is_elsewhere,
            Self::Throttled => !is_elsewhere,
            Self::LostRequest | Self::LostResponse | Self::Killed => true,
        }
    }

    /// DynamoDB's error in place of carrying out the call, if this is what happens.
    pub fn error(self, call: &Call) -> Option<Reply> {
        let is_transaction = call.operation == "TransactWriteItems";
        let cancelled = |code: &str| {
            let reasons = vec![json!({"Code": code}); call.keys.len()];
            error(
                "TransactionCanceledException",
                json!({"CancellationReasons": reasons}),
            )
        };
        match self {
            Self::Throttled => Some(error("ProvisionedThroughputExceededException", json!({}))),
            Self::Cancelled => Some(cancelled("ThrottlingError")),
            Self::Conflict if is_transaction => Some(cancelled("TransactionConflict")),
            Self::Conflict => Some(error("TransactionConflictException", json!({}))),
            Self::LostRequest | Self::LostResponse | Self::Killed => None,
        }
    }
}

/// An error of DynamoDB.
fn error(code: &str, mut body: Value) -> Reply {
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{code}"));
    body["message"] = json!("made up by a test");
    (400, body.to_string())
}
