//! Amazon SES on this machine: the one operation of its API (v2) that the project uses, for the real SDK to talk to.
//! It sends nothing; it keeps what it was given.

mod mails;
mod send_email;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

pub use self::mails::Mail;
pub(crate) use self::mails::Mails;
use crate::listener::Answer;

/// Bytes of a request; SES takes mails of up to 40 MB, none of which are ours.
const MAX_REQUEST: usize = 1024 * 1024;

/// An error as SES answers it.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    /// The shape's name in the API, such as `MessageRejected`.
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "BadRequestException",
            message: message.into(),
        }
    }
}

/// The answer to one request of an SDK.
pub(crate) async fn answer(mails: Mails, request: Request<Incoming>) -> Answer {
    match received(&mails, request).await {
        Ok(message_id) => json_answer(StatusCode::OK, &json!({ "MessageId": message_id })),
        Err(refusal) => {
            tracing::warn!(
                kind = refusal.kind,
                message = refusal.message,
                "SES rejected a mail"
            );
            let mut answer = json_answer(refusal.status, &json!({ "message": refusal.message }));
            answer
                .headers_mut()
                .insert("x-amzn-errortype", HeaderValue::from_static(refusal.kind));
            answer
        }
    }
}

async fn received(mails: &Mails, request: Request<Incoming>) -> Result<String, Refusal> {
    if request.method() != Method::POST || request.uri().path() != "/v2/email/outbound-emails" {
        let message = format!(
            "{} {} is not known to the local server",
            request.method(),
            request.uri().path()
        );
        return Err(Refusal {
            status: StatusCode::NOT_FOUND,
            kind: "NotFoundException",
            message,
        });
    }
    let body = Limited::new(request.into_body(), MAX_REQUEST)
        .collect()
        .await;
    let body = body
        .map_err(|error| Refusal::bad_request(error.to_string()))?
        .to_bytes();
    send_email::parse(&body).map(|message| mails.keep(message))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Answer::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
