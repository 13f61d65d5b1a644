//! The reasons why a mail was not sent.

use shared::store::database::Error;

/// The reason that a mail was not sent.
pub(crate) enum DeliveryError {
    /// A temporary failure: the record must be retried.
    Retryable(String),
    /// A permanent failure: the mail is marked as failed.
    Permanent(String),
}

impl From<Error> for DeliveryError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreadable { .. } => Self::Permanent(error.to_string()),
            Error::Unavailable { .. } | Error::Defect { .. } => Self::Retryable(error.to_string()),
        }
    }
}
