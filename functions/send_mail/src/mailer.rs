//! Sending of messages through SES, without retries in the SDK: the mail is retried as a whole, so that a lost response
//! causes at most one duplicate.

use std::time::Duration;

use aws_sdk_sesv2::{
    Client,
    config::{Builder, http::HttpResponse, retry::RetryConfig, timeout::TimeoutConfig},
    error::{BuildError, ProvideErrorMetadata as _, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader},
};
use shared::app::App;

use crate::{
    error::{DeliveryError, Scope},
    message::EmailMessage,
};

/// Timeout of a request to SES, with its retries after throttling.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of requests for one mail while SES throttles.
const THROTTLED_ATTEMPTS: u32 = 3;

/// The pause after SES throttled a request: SES limits mails per second.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// The errors of SES that concern all mails of the account, the sender or this function.
const SERVICE_ERRORS: [&str; 16] = [
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
    "NotFoundException",
    "LimitExceededException",
    "AccessDeniedException",
    "AccessDenied",
    "ExpiredTokenException",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The errors by which SES throttles.
const THROTTLING_ERRORS: [&str; 4] = [
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "RequestThrottledException",
];

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
        let content = to_ses(message).map_err(|error| DeliveryError::Defect(error.to_string()))?;
        let request = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(content).build())
            .set_configuration_set_name(self.configuration_set.clone());
        let attempts = async {
            let mut attempt = 1;
            loop {
                match request.clone().send().await {
                    Err(error) if attempt < THROTTLED_ATTEMPTS && is_throttled(&error) => {
                        attempt += 1;
                        tokio::time::sleep(THROTTLED_PAUSE).await;
                    }
                    result => return result,
                }
            }
        };
        match tokio::time::timeout(SEND_TIMEOUT, attempts).await {
            Ok(Ok(output)) => Ok(output.message_id.unwrap_or_default()),
            Ok(Err(error)) => Err(classify(&error, sender_address(&self.from))),
            Err(_) => Err(DeliveryError::retryable(
                "SES did not respond in time",
                Scope::Timeout,
            )),
        }
    }
}

fn to_ses(message: &EmailMessage) -> Result<Message, BuildError> {
    let text = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder()
        .text(text(&message.text)?)
        .html(text(&message.html)?)
        .build();
    // Keeps out-of-office replies and other automatic responses away (RFC 3834, section 5).
    let automatic = MessageHeader::builder()
        .name("Auto-Submitted")
        .value("auto-generated")
        .build()?;
    Ok(Message::builder()
        .subject(text(&message.subject)?)
        .headers(automatic)
        .body(body)
        .build())
}

/// Returns the address in a sender of the form `Name <local@domain>` (RFC 5322, section 3.4).
fn sender_address(from: &str) -> &str {
    let address = from.rsplit_once('<').map_or(from, |(_, rest)| rest);
    address.trim_end_matches('>').trim()
}

fn is_throttled(error: &SdkError<SendEmailError, HttpResponse>) -> bool {
    let code = error.code();
    code.is_some_and(|code| THROTTLING_ERRORS.contains(&code))
}

/// Classifies an error. Only errors of the message itself are permanent. All others are temporary, or an operator can
/// correct the cause while the mail is retried: a missing permission, or an identity that is not verified.
fn classify(error: &SdkError<SendEmailError, HttpResponse>, sender: &str) -> DeliveryError {
    let Some(service) = error.as_service_error() else {
        let scope = match error {
            SdkError::TimeoutError(_) => Scope::Timeout,
            _ => Scope::Mail,
        };
        return DeliveryError::retryable(error.to_string(), scope);
    };
    let code = service.code().unwrap_or("unknown");
    let message = service.message().unwrap_or_default();
    let problem = format!("{code}: {}", redact_addresses(message));
    match (service, unverified(message, sender)) {
        (SendEmailError::MessageRejected(_), Some(scope)) => {
            DeliveryError::retryable(problem, scope)
        }
        (SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_), _) => {
            DeliveryError::Rejected(problem)
        }
        _ if code == "ValidationException" => DeliveryError::Rejected(problem),
        _ if SERVICE_ERRORS.contains(&code) || is_throttled(error) => {
            DeliveryError::retryable(problem, Scope::Service)
        }
        _ => DeliveryError::retryable(problem, Scope::Mail),
    }
}

/// Returns what it says about other mails if SES rejected the message since an identity is not verified: that of the
/// sender, or, while the account is in the sandbox, that of the recipient (SES, "Troubleshooting").
fn unverified(message: &str, sender: &str) -> Option<Scope> {
    let domain = sender.rsplit_once('@').map_or(sender, |(_, domain)| domain);
    let names = |identity: &str| {
        message
            .split([' ', ',', ':'])
            .any(|word| word.eq_ignore_ascii_case(identity))
    };
    let scope = if names(sender) || names(domain) {
        Scope::Service
    } else {
        Scope::Mail
    };
    message.contains("not verified").then_some(scope)
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
    fn an_unverified_sender_concerns_every_mail() {
        let sender = sender_address("Latchkey <no-reply@latchkey.example>");
        assert_eq!(sender, "no-reply@latchkey.example");
        assert_eq!(sender_address("no-reply@latchkey.example"), sender);
        for (identity, expected) in [
            ("no-reply@latchkey.example", Scope::Service),
            ("LATCHKEY.EXAMPLE", Scope::Service),
            ("john@example.com", Scope::Mail),
            ("john@latchkey.example", Scope::Mail),
        ] {
            let message = format!("{UNVERIFIED}{identity}");
            assert_eq!(unverified(&message, sender), Some(expected), "{identity}");
        }
        let other = "Message contains a virus: no-reply@latchkey.example";
        assert_eq!(unverified(other, sender), None);
    }

    #[test]
    fn addresses_in_error_texts_are_redacted() {
        let text = format!("{UNVERIFIED}john@example.com, <jane@example.com>");
        let redacted = redact_addresses(&text);
        assert_eq!(redacted, format!("{UNVERIFIED}[address] [address]"));
    }
}
