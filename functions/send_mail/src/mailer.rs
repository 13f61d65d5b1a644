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

use crate::{error::DeliveryError, message::EmailMessage};

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
            .map_err(|error| classify(&error, sender_address(&self.from)))
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

/// Returns the address in a sender of the form `Name <local@domain>` (RFC 5322, section 3.4).
fn sender_address(from: &str) -> &str {
    let address = from.rsplit_once('<').map_or(from, |(_, rest)| rest);
    address.trim_end_matches('>').trim()
}

/// Classifies an error. Only errors of the message itself are permanent. All others are temporary, or an operator can
/// correct the cause while Lambda retries: a missing permission, or a sender whose identity is not verified.
fn classify(error: &SdkError<SendEmailError, HttpResponse>, sender: &str) -> DeliveryError {
    let Some(service) = error.as_service_error() else {
        return DeliveryError::Retryable(error.to_string());
    };
    let code = service.code().unwrap_or("unknown");
    let message = service.message().unwrap_or_default();
    let problem = format!("{code}: {}", redact_addresses(message));
    let is_permanent = match service {
        SendEmailError::MessageRejected(_) => !is_unverified_sender(message, sender),
        SendEmailError::BadRequestException(_) => true,
        other => other.code() == Some("ValidationException"),
    };
    if is_permanent {
        DeliveryError::Permanent(problem)
    } else {
        DeliveryError::Retryable(problem)
    }
}

/// Returns true if SES rejected the message since the sender's address or domain is not verified. SES reports the same
/// for the recipient while the account is in the sandbox (SES, "Troubleshooting").
fn is_unverified_sender(message: &str, sender: &str) -> bool {
    let domain = sender.rsplit_once('@').map_or(sender, |(_, domain)| domain);
    let names = |identity: &str| {
        message
            .split([' ', ',', ':'])
            .any(|word| word.eq_ignore_ascii_case(identity))
    };
    message.contains("not verified") && (names(sender) || names(domain))
}

/// Replaces the e-mail addresses in an error text of SES, which quotes them: no address may reach a log or an item.
fn redact_addresses(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| match word.trim_end() {
            address if address.contains('@') => word.replace(address, "[address]"),
            _ => word.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNVERIFIED: &str = "Email address is not verified. The following identities failed the check in region \
                              EU-CENTRAL-1: ";

    #[test]
    fn only_an_unverified_sender_is_worth_a_retry() {
        let sender = sender_address("Latchkey <no-reply@latchkey.example>");
        assert_eq!(sender, "no-reply@latchkey.example");
        assert_eq!(sender_address("no-reply@latchkey.example"), sender);
        for (identity, expected) in [
            ("no-reply@latchkey.example", true),
            ("LATCHKEY.EXAMPLE", true),
            ("john@example.com", false),
            ("john@latchkey.example", false),
        ] {
            let message = format!("{UNVERIFIED}{identity}");
            assert_eq!(
                is_unverified_sender(&message, sender),
                expected,
                "{identity}"
            );
        }
        let other = "Message contains a virus: no-reply@latchkey.example";
        assert!(!is_unverified_sender(other, sender));
    }

    #[test]
    fn addresses_in_error_texts_are_redacted() {
        let text = format!("{UNVERIFIED}john@example.com, <jane@example.com>");
        let redacted = redact_addresses(&text);
        assert_eq!(redacted, format!("{UNVERIFIED}[address] [address]"));
    }
}
