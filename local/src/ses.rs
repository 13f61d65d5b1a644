//! Amazon SES: the one operation of its API (v2) that the project uses, for the real SDK to call. It delivers nothing
//! and keeps every mail for the console.

mod send_email;
mod sent_mails;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header::HeaderValue};
use serde_json::json;

pub use self::sent_mails::Mail;
pub(crate) use self::sent_mails::SentMails;
use crate::http_server::{Response, json_response};

/// The largest request in bytes. SES accepts mails of up to 40 MB; those of the project are far smaller.
const MAX_REQUEST: usize = 1024 * 1024;

/// An error response of SES.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    /// The name of the error in the API, such as `MessageRejected`.
    error_type: &'static str,
    message: String,
}

impl ApiError {
    fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error_type: "BadRequestException",
            message: message.into(),
        }
    }
}

/// Handles one request of an SDK.
pub(crate) async fn handle(mails: SentMails, request: Request<Full<Bytes>>) -> Response {
    match send(&mails, request).await {
        Ok(message_id) => json_response(
            StatusCode::OK,
            json!({ "MessageId": message_id }).to_string(),
        ),
        Err(ApiError {
            status,
            error_type,
            message,
        }) => {
            tracing::warn!(error_type, message, "SES rejected a mail");
            let mut response = json_response(status, json!({ "message": message }).to_string());
            response
                .headers_mut()
                .insert("x-amzn-errortype", HeaderValue::from_static(error_type));
            response
        }
    }
}

/// Keeps the mail of a `SendEmail` request and returns its message id.
async fn send(mails: &SentMails, request: Request<Full<Bytes>>) -> Result<String, ApiError> {
    if request.method() != Method::POST || request.uri().path() != "/v2/email/outbound-emails" {
        return Err(ApiError {
            status: StatusCode::NOT_FOUND,
            error_type: "NotFoundException",
            message: format!(
                "the development server does not support {} {}",
                request.method(),
                request.uri().path()
            ),
        });
    }
    let body = Limited::new(request.into_body(), MAX_REQUEST)
        .collect()
        .await
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    send_email::parse(&body.to_bytes()).map(|message| mails.add(message))
}
