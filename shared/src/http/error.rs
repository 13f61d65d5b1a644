//! The error type of the HTTP functions, with its status, code and response body (RFC 9457).

mod conversions;

use std::time::Duration;

use lambda_http::http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

use super::{FieldError, Response, Violation};
use crate::{audit::Metric, domain::rate_limit::CONTENTION_RETRY_AFTER};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The reason that a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the body or the path has these errors.
    #[error("invalid request")]
    Invalid(Vec<FieldError>),
    /// 400: the token of a link is malformed, unknown, used, expired or replaced.
    #[error("invalid token in {field}")]
    InvalidToken {
        /// The field that contained the token.
        field: &'static str,
    },
    /// 400: the address is verified already.
    #[error("already verified")]
    AlreadyVerified,
    /// 401: no valid session token.
    #[error("not authenticated")]
    NotAuthenticated,
    /// 401: the session cookie, the request's only credential, contains no valid session token. The response deletes it.
    #[error("session cookie rejected")]
    RejectedCookie,
    /// 401: unknown username or e-mail address, or wrong password.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// 403: the caller may not do this.
    #[error("forbidden")]
    Forbidden,
    /// 403: the page of another origin may have made the request.
    #[error("foreign origin")]
    ForeignOrigin,
    /// 403: a log-in with the right password, of a user whose address is not verified.
    #[error("e-mail address not verified")]
    EmailNotVerified,
    /// 403: the request did not come through the edge, which the settings require.
    #[error("not from the edge")]
    NotFromEdge,
    /// 404: the resource does not exist, or the caller may not know that it does.
    #[error("not found")]
    NotFound,
    /// 404: the caller has no such session.
    #[error("session not found")]
    SessionNotFound,
    /// 409: repeated conflicts with concurrent requests.
    #[error("conflict")]
    Conflict,
    /// 409: a link that was sent to a former address can still take the account back, so that it cannot be deleted.
    #[error("a revert link is outstanding")]
    RevertLinkOutstanding,
    /// 413: the body is too large.
    #[error("payload too large")]
    PayloadTooLarge,
    /// 429: a rate limit was exceeded, or the account is throttled.
    #[error("too many requests")]
    TooManyRequests {
        /// Time until a retry can succeed.
        retry_after: Duration,
    },
    /// 503: a dependency is temporarily unavailable.
    #[error("unavailable: {0}")]
    Unavailable(Cause),
    /// 500: a defect.
    #[error("internal error: {0}")]
    Internal(Cause),
}

/// The response body: problem details (RFC 9457, section 3).
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<&'a FieldError>,
}

/// `Retry-After` of a 503 response.
const UNAVAILABLE_RETRY_AFTER: Duration = Duration::from_secs(2);

impl Error {
    /// A 400 with one invalid field.
    pub fn field(field: &str, violation: impl Into<Violation>) -> Self {
        let Violation { code, message } = violation.into();
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            code,
            message,
        }])
    }

    /// A 500 for a defect.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// A 503 for a temporary failure.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A 429 for a request that lost to too many concurrent attempts at the same account.
    #[must_use]
    pub const fn contended() -> Self {
        Self::TooManyRequests {
            retry_after: CONTENTION_RETRY_AFTER,
        }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::InvalidToken { .. } | Self::AlreadyVerified => {
                StatusCode::BAD_REQUEST
            }
            Self::NotAuthenticated | Self::RejectedCookie | Self::InvalidCredentials => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden | Self::ForeignOrigin | Self::NotFromEdge | Self::EmailNotVerified => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound | Self::SessionNotFound => StatusCode::NOT_FOUND,
            Self::Conflict | Self::RevertLinkOutstanding => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The metric that counts the error, if any.
    #[must_use]
    pub fn metric(&self) -> Option<Metric> {
        match self {
            Self::InvalidToken {
                field: "reset_token",
            } => Some(Metric::ResetRefused),
            Self::InvalidCredentials => Some(Metric::LogInFailed),
            Self::TooManyRequests { .. } => Some(Metric::Limited),
            Self::Conflict => Some(Metric::Conflict),
            Self::Unavailable(_) => Some(Metric::Unavailable),
            Self::Internal(_) => Some(Metric::Internal),
            _ => None,
        }
    }

    /// The stable code of the response, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::InvalidToken { .. } => "invalid_token",
            Self::AlreadyVerified => "already_verified",
            Self::NotAuthenticated | Self::RejectedCookie => "not_authenticated",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Forbidden | Self::ForeignOrigin | Self::NotFromEdge => "forbidden",
            Self::EmailNotVerified => "email_not_verified",
            Self::NotFound | Self::SessionNotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RevertLinkOutstanding => "revert_link_outstanding",
            Self::PayloadTooLarge => "payload_too_large",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "The request has missing or invalid values. See errors.",
            Self::InvalidToken { field: "key" } => "This link is invalid or has expired.",
            Self::InvalidToken { .. } => {
                "This password reset link is invalid or has expired. Request a new one."
            }
            Self::AlreadyVerified => "The e-mail address is verified already.",
            Self::NotAuthenticated | Self::RejectedCookie => {
                "Authentication required: send a valid session token."
            }
            Self::InvalidCredentials => "Incorrect username, e-mail or password.",
            Self::Forbidden => "Only superusers may do this.",
            Self::ForeignOrigin => "Only pages of an allowed origin may make this request.",
            Self::EmailNotVerified => {
                "The e-mail address has to be confirmed first, by the link that was sent to it."
            }
            Self::NotFromEdge => "This address does not accept requests directly.",
            Self::NotFound => "User not found.",
            Self::SessionNotFound => "Session not found.",
            Self::Conflict => {
                "The user was changed by another request at the same time. Try again."
            }
            Self::RevertLinkOutstanding => {
                "The e-mail address was changed recently. The account can be deleted when the link that was sent to the former \
                 address has expired."
            }
            Self::PayloadTooLarge => "The request body is larger than 16 KiB.",
            Self::TooManyRequests { .. } => "Too many requests. Try again later.",
            Self::Unavailable(_) => "The service is temporarily unavailable. Try again.",
            Self::Internal(_) => "An internal error occurred.",
        }
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::Unavailable(_) => Some(UNAVAILABLE_RETRY_AFTER),
            _ => None,
        }
    }

    fn token_error(&self) -> Option<FieldError> {
        let Self::InvalidToken { field } = self else {
            return None;
        };
        let (field, message) = ((*field).to_owned(), "is invalid or has expired".to_owned());
        Some(FieldError {
            field,
            code: "invalid",
            message,
        })
    }

    /// The response for this error.
    #[must_use]
    pub fn to_response(&self) -> Response {
        let status = self.status();
        let token_error = self.token_error();
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.detail(),
            code: self.code(),
            errors: match self {
                Self::Invalid(errors) => errors.iter().collect(),
                Self::InvalidToken { .. } => token_error.iter().collect(),
                _ => Vec::new(),
            },
        };
        // Strings and numbers can always be serialized.
        let mut response = super::json(status, &problem).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        response
    }
}
