//! Sending of messages through SES, without retries in the SDK: the stream retries, so that a lost response causes at
//! most one duplicate.

use std::time::Duration;

use aws_sdk_sesv2::{
    Client,
    config::{Builder, http::HttpResponse, retry::RetryConfig, timeout::TimeoutConfig},
    error::{BuildError, ProvideErrorMetadata as _, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use shared::app::App;

use crate::{delivery::DeliveryError, message::EmailMessage};

/// Timeout of a request to SES.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends messages through SES.
pub(crate) struct Mailer {
    client: Client,
    from: String,
    configuration_set: Option<String>,
}

impl Mailer {
    pub(crate) fn new(app: &App) -> Self {
        let mut config = Builder::from(&app.aws)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(SEND_TIMEOUT)
                    .operation_timeout(SEND_TIMEOUT)
                    .build(),
            );
        config.set_endpoint_url(app.settings.ses_endpoint.clone());
        let mail = &app.settings.mail;
        let client = Client::from_conf(config.build());
        Self {
            client,
            from: mail.from.clone(),
            configuration_set: mail.configuration_set.clone(),
        }
    }

    /// Sends `message` to the address `to` and returns the message id that SES assigns.
    pub(crate) async fn send(
        &self,
        to: &str,
        message: &EmailMessage,
    ) -> Result<String, DeliveryError> {
        let content =
            to_ses(message).map_err(|error| DeliveryError::Permanent(error.to_string()))?;
        let request = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(content).build())
            .set_configuration_set_name(self.configuration_set.clone());
        let result = request.send().await;
        result
            .map(|output| output.message_id.unwrap_or_default())
            .map_err(|error| classify(&error))
    }
}

fn to_ses(message: &EmailMessage) -> Result<Message, BuildError> {
    let text = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder()
        .text(text(&message.text)?)
        .html(text(&message.html)?)
        .build();
    Ok(Message::builder()
        .subject(text(&message.subject)?)
        .body(body)
        .build())
}

/// Classifies an error. Only errors of the message itself are permanent. All others are temporary, or an operator can
/// correct the cause while Lambda retries, such as a missing permission or an unverified identity.
fn classify(error: &SdkError<SendEmailError, HttpResponse>) -> DeliveryError {
    let Some(service) = error.as_service_error() else {
        return DeliveryError::Retryable(error.to_string());
    };
    let problem = format!(
        "{}: {}",
        service.code().unwrap_or("unknown"),
        service.message().unwrap_or_default()
    );
    match service {
        SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_) => {
            DeliveryError::Permanent(problem)
        }
        other if other.code() == Some("ValidationException") => DeliveryError::Permanent(problem),
        _ => DeliveryError::Retryable(problem),
    }
}
