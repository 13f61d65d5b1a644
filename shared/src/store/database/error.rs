//! Sorts what DynamoDB answers into refused conditions, collisions, passing troubles and defects.

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
    types::CancellationReason,
};

use super::{Item, WriteOutcome};

/// DynamoDB could not be asked, or not understood.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It will pass: throttling, a time-out, no connection, credentials that expired. Nothing is known of the outcome.
    #[error("DynamoDB unavailable: {operation}: {problem}")]
    Unavailable {
        /// The operation of DynamoDB's API.
        operation: &'static str,
        /// What the SDK said, with its causes.
        problem: String,
    },
    /// It will not pass by itself: a request that is not valid, a right or a table that is missing.
    #[error("{operation} failed: {problem}")]
    Defect {
        /// The operation of DynamoDB's API.
        operation: &'static str,
        /// What the SDK said, with its causes.
        problem: String,
    },
    /// An item is not what it should be.
    #[error("item cannot be deserialized: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// A write may have taken place, and what came after it hides whether it did.
    #[must_use]
    pub fn hidden() -> Self {
        Self::Unavailable {
            operation: "a write",
            problem: "an attempt got no response, and later writes make it impossible to tell whether it was applied"
                .to_owned(),
        }
    }

    pub(super) fn unreadable(error: &serde_dynamo::Error) -> Self {
        // Serde quotes the value that it tripped over, which may be a secret: what comes before must do.
        let problem = error.to_string();
        let before_value = problem.split(['"', '`']).next().unwrap_or_default();
        Self::Unreadable {
            problem: before_value.trim_end().to_owned(),
        }
    }

    pub(super) fn unwritable(error: &serde_dynamo::Error) -> Self {
        Self::Defect {
            operation: "PutItem",
            problem: format!("item cannot be serialized: {error}"),
        }
    }
}

/// Why a write did not take place.
pub(super) enum Rejection {
    /// Its condition did not hold; the item that is there.
    Condition(Option<Item>),
    /// DynamoDB could not carry it out.
    WriteError(WriteError),
}

/// Why DynamoDB could not carry out a write.
pub(super) enum WriteError {
    /// It collided with a transaction on the same item, or a transaction was throttled: worth another try at once.
    Conflict(Error),
    /// Anything else, after the SDK's own retries.
    Error(Error),
}

/// Codes of errors that pass, beside the ones with a status of 500 or more: too many requests, collisions, and
/// credentials or a clock that are out of date, which a new process has not.
const RETRYABLE_CODES: [&str; 18] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "TransactionCanceledException",
    "ReplicatedWriteConflictException",
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
];

/// Reasons for which a transaction is cancelled that may be gone a moment later, and the one of writes that are not to
/// blame. The SDK retries none of them.
const RETRYABLE_REASONS: [&str; 4] = [
    "None",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Sorts an error that is no refusal.
pub(super) fn classify<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let passing = match error {
        SdkError::ServiceError(service) => {
            // What has no code is not DynamoDB's: something in between answered.
            let code = service.err().code();
            code.is_none_or(|code| RETRYABLE_CODES.contains(&code))
                || service.raw().status().is_server_error()
        }
        _ => true,
    };
    let problem = chain(error);
    if passing {
        Error::Unavailable { operation, problem }
    } else {
        Error::Defect { operation, problem }
    }
}

/// An error with its causes. Not its `Debug`: that would show the items which conditions met, addresses and all.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The item that a condition met, if there was one.
pub(super) struct Met(Option<Item>);

/// An operation's error that may carry the item which its condition met.
pub(super) trait Conditional:
    ProvideErrorMetadata + std::error::Error + Send + Sync + 'static
{
    /// The item, if the condition did not hold.
    fn refused(&self) -> Option<Met>;
}

macro_rules! conditional {
    ($($error:ident)*) => { $(
        impl Conditional for $error {
            fn refused(&self) -> Option<Met> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some(Met(failed.item.clone())),
                    _ => None,
                }
            }
        }
    )* };
}

conditional!(PutItemError UpdateItemError DeleteItemError);

impl Rejection {
    pub(super) fn of<E: Conditional>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let service = error.as_service_error();
        if let Some(Met(item)) = service.and_then(Conditional::refused) {
            return Self::Condition(item);
        }
        if service.and_then(ProvideErrorMetadata::code) == Some("TransactionConflictException") {
            return Self::WriteError(WriteError::Conflict(classify(operation, error)));
        }
        Self::WriteError(WriteError::Error(classify(operation, error)))
    }
}

/// Sorts a transaction's error: the outcome of each write's condition if one of them did not hold.
pub(super) fn classify_cancellation(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Result<Vec<WriteOutcome>, WriteError> {
    let service = error.as_service_error();
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = service {
        let reasons = cancelled.cancellation_reasons();
        if reasons
            .iter()
            .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
        {
            return Ok(reasons.iter().map(outcome).collect());
        }
        let collided = reasons.iter().all(|reason| {
            reason
                .code()
                .is_none_or(|code| RETRYABLE_REASONS.contains(&code))
        });
        let passing = |reason: &CancellationReason| {
            !matches!(
                reason.code(),
                Some("ValidationError" | "ItemCollectionSizeLimitExceeded")
            )
        };
        let defect = !reasons.iter().all(passing);
        let error = classify("TransactWriteItems", error);
        return Err(match error {
            error if collided => WriteError::Conflict(error),
            Error::Unavailable { operation, problem } if defect => {
                WriteError::Error(Error::Defect { operation, problem })
            }
            error => WriteError::Error(error),
        });
    }
    let in_progress = matches!(
        service,
        Some(TransactWriteItemsError::TransactionInProgressException(_))
    );
    let error = classify("TransactWriteItems", error);
    Err(if in_progress {
        WriteError::Conflict(error)
    } else {
        WriteError::Error(error)
    })
}

fn outcome(reason: &CancellationReason) -> WriteOutcome {
    match reason.code() {
        Some("ConditionalCheckFailed") => WriteOutcome::Refused(reason.item().cloned()),
        _ => WriteOutcome::Done,
    }
}
