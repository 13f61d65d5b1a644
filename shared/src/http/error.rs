//! The one error of the functions: which status and code it has, and what the client is told (RFC 9457).
//! Every conversion from another module's error stands here.

use std::time::Duration;

use lambda_http::http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::Response;
use crate::{database, email, name, password, reset_token, signer, username};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the body or the path has these faults.
    #[error("invalid request")]
    Invalid(Vec<FieldError>),
    /// 400: the reset token is unknown, used, expired or replaced.
    #[error("invalid reset token")]
    InvalidToken,
    /// 401: no valid session token.
    #[error("not authenticated")]
    NotAuthenticated,
    /// 401: no user with this name and password.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// 403: not for this user.
    #[error("forbidden")]
    Forbidden,
    /// 404: there is no such thing, or not for this user.
    #[error("not found")]
    NotFound,
    /// 409: lost two races in a row.
    #[error("conflict")]
    Conflict,
    /// 413: the body is too large.
    #[error("payload too large")]
    PayloadTooLarge,
    /// 429: too often.
    #[error("too many requests")]
    TooManyRequests {
        /// When to try again.
        retry_after: Duration,
    },
    /// 503: something we need cannot be reached for the moment.
    #[error("unavailable: {0}")]
    Unavailable(Source),
    /// 500: a defect of ours.
    #[error("internal error: {0}")]
    Internal(Source),
}

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
            message: "is taken already".to_owned(),
        }
    }
}

/// Why a value will not do: the code and the message of a [`FieldError`].
pub struct Reason {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Reason {
    /// A reason of ours, rather than of a parser.
    #[must_use]
    pub fn new(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }
}

/// Seconds after which a client may try again when we are not available.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);

impl Error {
    /// 400 for one fault.
    pub fn field(field: &str, reason: impl Into<Reason>) -> Self {
        let Reason { code, message } = reason.into();
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            code,
            message,
        }])
    }

    /// 500 for a defect of ours.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// 503 for something that will pass.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::InvalidToken => StatusCode::BAD_REQUEST,
            Self::NotAuthenticated | Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code of the answer: stable, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::NotAuthenticated => "not_authenticated",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::PayloadTooLarge => "payload_too_large",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    const fn detail(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "The request has missing or invalid values; see errors.",
            Self::InvalidToken => {
                "The password reset link is not valid, or no longer: ask for a new one."
            }
            Self::NotAuthenticated => "Sign in: the request needs a valid session token.",
            Self::InvalidCredentials => "No user has this name and password.",
            Self::Forbidden => "Only a superuser may do this.",
            Self::NotFound => "There is no such user.",
            Self::Conflict => "The user was being changed by another request; try again.",
            Self::PayloadTooLarge => "The body is larger than 16 KiB.",
            Self::TooManyRequests { .. } => "Too many requests; try again later.",
            Self::Unavailable(_) => "The service is not available for the moment; try again.",
            Self::Internal(_) => "Something went wrong on our side.",
        }
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::Unavailable(_) => Some(UNAVAILABLE_FOR),
            _ => None,
        }
    }

    /// The answer.
    #[must_use]
    pub fn to_response(&self) -> Response {
        let status = self.status();
        let mut problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail(),
            "code": self.code(),
        });
        if let (Self::Invalid(errors), Value::Object(members)) = (self, &mut problem) {
            members.insert("errors".to_owned(), json!(errors));
        }
        let mut response = super::json(status, &problem).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if matches!(self, Self::NotAuthenticated | Self::InvalidCredentials) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        response
    }
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        match error {
            database::Error::Unavailable { .. } => Self::unavailable(error),
            database::Error::Defect { .. } | database::Error::Unreadable { .. } => {
                Self::internal(error)
            }
        }
    }
}

impl From<signer::Error> for Error {
    fn from(error: signer::Error) -> Self {
        match error {
            signer::Error::Database(error) => error.into(),
            signer::Error::Key(_) => Self::internal(error),
        }
    }
}

impl From<password::HashError> for Error {
    fn from(error: password::HashError) -> Self {
        Self::internal(error)
    }
}

impl From<reset_token::Error> for Error {
    fn from(_: reset_token::Error) -> Self {
        Self::InvalidToken
    }
}

impl From<email::Error> for Reason {
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

impl From<username::Error> for Reason {
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

impl From<name::Error> for Reason {
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

impl From<password::Error> for Reason {
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
