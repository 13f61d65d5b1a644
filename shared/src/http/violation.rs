//! What is wrong with a value: a code for programs and a message for people. The reasons of every parser stand here.

use serde::Serialize;

use crate::domain::{email, name, password, username};

/// One fault of a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name; empty where the body as a whole is meant.
    pub field: String,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people. Never repeats what was sent.
    pub message: String,
}

impl FieldError {
    /// Another user has the value already.
    #[must_use]
    pub fn taken(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: "taken",
            message: "is already in use".to_owned(),
        }
    }
}

/// Why a value is invalid: the code and the message of a [`FieldError`].
pub struct Violation {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Violation {
    /// A reason of ours, rather than of a parser.
    #[must_use]
    pub fn new(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }
}

impl From<email::Error> for Violation {
    fn from(error: email::Error) -> Self {
        let code = match error {
            email::Error::TooLong => "too_long",
            email::Error::Invalid => "invalid",
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}

impl From<username::Error> for Violation {
    fn from(error: username::Error) -> Self {
        let code = match error {
            username::Error::TooShort => "too_short",
            username::Error::TooLong => "too_long",
            username::Error::Invalid => "invalid",
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}

impl From<name::Error> for Violation {
    fn from(error: name::Error) -> Self {
        let code = match error {
            name::Error::TooLong => "too_long",
            name::Error::Invalid => "invalid",
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}

impl From<password::Error> for Violation {
    fn from(error: password::Error) -> Self {
        let code = match error {
            password::Error::TooShort { .. } => "too_short",
            password::Error::TooLong => "too_long",
            password::Error::Invalid => "invalid",
            password::Error::TooCommon => "too_common",
            password::Error::TooSimilar => "too_similar",
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}
