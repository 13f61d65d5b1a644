//! The reasons why a mail was not sent.

use shared::store::database::Error;

/// The reason why a mail was not sent. No text contains an address.
#[derive(Debug)]
pub(crate) enum DeliveryError {
    /// A temporary failure, or one that an operator can correct: the mail is retried.
    Retryable {
        /// The failure.
        problem: String,
        /// What the failure says about other mails.
        scope: Scope,
        /// True if the failure counts as a defect of the function's version.
        is_defect: bool,
    },
    /// SES rejected the mail permanently, because of its recipient.
    Rejected(String),
    /// The mail can never be sent, because of a defect of this function or of the stored item.
    Defect(String),
}

/// What a failure says about other mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing: SES was not called.
    NotCalled,
    /// Nothing: others may succeed.
    Mail,
    /// SES did not respond in time. One such failure says nothing; several in a row concern all mails.
    Timeout,
    /// All mails would fail now.
    Service,
}

impl DeliveryError {
    /// A failure of this scope.
    pub(crate) fn retryable(problem: impl Into<String>, scope: Scope) -> Self {
        Self::Retryable {
            problem: problem.into(),
            scope,
            is_defect: false,
        }
    }
}

impl From<Error> for DeliveryError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreadable { .. } => Self::Defect(error.to_string()),
            Error::Unavailable { .. } | Error::Defect { .. } => Self::Retryable {
                problem: error.to_string(),
                scope: Scope::NotCalled,
                is_defect: matches!(error, Error::Defect { .. }),
            },
        }
    }
}
