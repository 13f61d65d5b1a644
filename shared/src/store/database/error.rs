//! Classifies DynamoDB's errors into failed conditions, conflicts, retryable errors and defects.

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

/// The request to DynamoDB failed, or its response could not be parsed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A temporary failure: throttling, a timeout, no connection, expired credentials. The outcome is unknown.
    #[error("DynamoDB unavailable: {operation}: {problem}")]
    Unavailable {
        /// The DynamoDB API operation.
        operation: &'static str,
        /// The SDK's error with its causes.
        problem: String,
    },
    /// A permanent failure: an invalid request, a missing permission or a missing table.
    #[error("{operation} failed: {problem}")]
    Defect {
        /// The DynamoDB API operation.
        operation: &'static str,
        /// The SDK's error with its causes.
        problem: String,
    },
    /// An item cannot be deserialized.
    #[error("item cannot be deserialized: {problem}")]
    Unreadable {
        /// The reason, without the value.
        problem: String,
    },
}

impl Error {
    /// A write may have been applied, and later writes make it impossible to tell.
    #[must_use]
    pub fn ambiguous() -> Self {
        Self::Unavailable {
            operation: "a write",
            problem: "an attempt got no response, and later writes make it impossible to tell whether it was applied"
                .to_owned(),
        }
    }

    /// A record changed before every attempt of a conditional write.
    #[must_use]
    pub fn keeps_changing() -> Self {
        Self::Unavailable {
            operation: "TransactWriteItems",
            problem: "concurrent requests kept changing the record".to_owned(),
        }
    }

    /// The condition of a write failed that no concurrent request should affect.
    #[must_use]
    pub fn other_condition_failed() -> Self {
        Self::Defect {
            operation: "TransactWriteItems",
            problem: "the condition of a write other than the record's failed; \
                      a marker may lead to another user"
                .to_owned(),
        }
    }

    pub(super) fn unreadable(error: &serde_dynamo::Error) -> Self {
        // Serde quotes the offending value, which may be a secret, so only the text before it is kept.
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

/// The reason why a write was not applied.
pub(super) enum Rejection {
    /// The condition failed. Carries the current item.
    Condition(Option<Item>),
    /// The request failed.
    Failed(WriteError),
}

/// The failure of a write request.
pub(super) enum WriteError {
    /// It conflicted with a transaction on the same item, or a transaction was throttled: retry after a short pause.
    Conflict(Error),
    /// Any other failure, after the SDK's own retries.
    Other(Error),
}

/// Retryable error codes, besides every status of 500 or more: throttling, conflicts, and credentials or a clock that are
/// out of date, which a new process does not have.
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

/// Retryable cancellation reasons of a transaction. `None` marks the writes that did not cause the cancellation. The SDK
/// retries none of them.
const RETRYABLE_REASONS: [&str; 4] = [
    "None",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Classifies an error other than a failed condition.
pub(super) fn classify<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_retryable = match error {
        SdkError::ServiceError(service) => {
            // DynamoDB's errors have a code; one without comes from something in between.
            let code = service.err().code();
            code.is_none_or(|code| RETRYABLE_CODES.contains(&code))
                || service.raw().status().is_server_error()
        }
        _ => true,
    };
    let problem = chain(error);
    if is_retryable {
        Error::Unavailable { operation, problem }
    } else {
        Error::Defect { operation, problem }
    }
}

/// Joins an error with its causes. Not its `Debug` output, which would show the items that conditions failed on.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// An operation's error that may carry the item which its condition failed on.
pub(super) trait ConditionalError:
    ProvideErrorMetadata + std::error::Error + Send + Sync + 'static
{
    /// Returns the current item if the condition failed: `Some(None)` if there is no item.
    #[expect(
        clippy::option_option,
        reason = "the condition may fail where there is no item"
    )]
    fn failed_condition(&self) -> Option<Option<Item>>;
}

macro_rules! conditional_error {
    ($($error:ident)*) => { $(
        impl ConditionalError for $error {
            fn failed_condition(&self) -> Option<Option<Item>> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some(failed.item.clone()),
                    _ => None,
                }
            }
        }
    )* };
}

conditional_error!(PutItemError UpdateItemError DeleteItemError);

impl Rejection {
    pub(super) fn of<E: ConditionalError>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let service = error.as_service_error();
        if let Some(item) = service.and_then(ConditionalError::failed_condition) {
            return Self::Condition(item);
        }
        if service.and_then(ProvideErrorMetadata::code) == Some("TransactionConflictException") {
            return Self::Failed(WriteError::Conflict(classify(operation, error)));
        }
        Self::Failed(WriteError::Other(classify(operation, error)))
    }
}

/// Classifies a transaction's error. Returns the outcome of each write if one of the conditions failed.
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
        let is_conflict = reasons.iter().all(|reason| {
            reason
                .code()
                .is_none_or(|code| RETRYABLE_REASONS.contains(&code))
        });
        let is_defect = reasons.iter().any(|reason| {
            matches!(
                reason.code(),
                Some("ValidationError" | "ItemCollectionSizeLimitExceeded")
            )
        });
        let error = classify("TransactWriteItems", error);
        return Err(match error {
            error if is_conflict => WriteError::Conflict(error),
            Error::Unavailable { operation, problem } if is_defect => {
                WriteError::Other(Error::Defect { operation, problem })
            }
            error => WriteError::Other(error),
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
        WriteError::Other(error)
    })
}

fn outcome(reason: &CancellationReason) -> WriteOutcome {
    match reason.code() {
        Some("ConditionalCheckFailed") => WriteOutcome::ConditionFailed(reason.item().cloned()),
        _ => WriteOutcome::Done,
    }
}
