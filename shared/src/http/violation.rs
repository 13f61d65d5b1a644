//! Errors of single fields, with a code for programs and a message for people.

use serde::Serialize;

use crate::domain::error_code::ErrorCode;

/// An error of one field of a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name; empty for an error of the whole body.
    pub field: String,
    /// The stable code, for programs.
    pub code: &'static str,
    /// The message, for people. Never contains input.
    pub message: String,
}

impl FieldError {
    /// The error of a value that another user already has.
    #[must_use]
    pub fn taken(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: "taken",
            message: "is already in use".to_owned(),
        }
    }
}

/// The rule that a value violates: the code and the message of a [`FieldError`].
pub struct Violation {
    /// The stable code, for programs.
    pub code: &'static str,
    /// The message, for people.
    pub message: String,
}

impl Violation {
    /// Creates a violation that is not the error of a parser.
    #[must_use]
    pub fn new(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }
}

impl<E: ErrorCode> From<E> for Violation {
    fn from(error: E) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}
