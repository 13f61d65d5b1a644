//! The request of `SendEmail` (SES API v2). Rejects what SES rejects, as far as that is simple to check. Unsupported
//! fields are rejected too, so that no part of a mail is lost silently.

use serde::{Deserialize, de::IgnoredAny};

use super::{ApiError, sent_mails::Message};

/// The largest number of recipients that SES accepts in one request.
const MAX_RECIPIENTS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendEmail {
    #[serde(default)]
    from_email_address: String,
    #[serde(default)]
    destination: Destination,
    content: Content,
    // These have no visible effect in the development server.
    #[serde(default, rename = "ConfigurationSetName")]
    _configuration_set_name: IgnoredAny,
    #[serde(default, rename = "EmailTags")]
    _email_tags: IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Simple {
    subject: Text,
    body: Body,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Text {
    data: String,
    #[serde(default, rename = "Charset")]
    _charset: IgnoredAny,
}

/// The mail of a request.
pub(super) fn parse(request: &[u8]) -> Result<Message, ApiError> {
    let request: SendEmail = serde_json::from_slice(request)
        .map_err(|error| ApiError::bad_request(format!("invalid request: {error}")))?;
    let Destination {
        mut to_addresses,
        cc_addresses,
        bcc_addresses,
    } = request.destination;
    to_addresses.extend(cc_addresses.into_iter().chain(bcc_addresses));
    if to_addresses.is_empty() {
        return Err(ApiError::bad_request("Missing required header 'To'."));
    }
    if to_addresses.len() > MAX_RECIPIENTS {
        return Err(ApiError::bad_request(format!(
            "Recipient count exceeds {MAX_RECIPIENTS}."
        )));
    }
    for address in to_addresses.iter().chain([&request.from_email_address]) {
        check_address(address)?;
    }
    let Simple {
        subject,
        body,
        headers,
    } = request.content.simple;
    let is_text = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_name = |name: &str| !name.is_empty() && is_text(name) && !name.contains([' ', ':']);
    if !headers
        .iter()
        .all(|header| is_name(&header.name) && is_text(&header.value))
    {
        return Err(ApiError::bad_request("A header is invalid."));
    }
    if body.text.is_none() && body.html.is_none() {
        return Err(ApiError::bad_request(
            "Body must have text or HTML content.",
        ));
    }
    if subject.data.chars().any(char::is_control) {
        return Err(ApiError::bad_request(
            "Subject contains control characters.",
        ));
    }
    Ok(Message {
        to: to_addresses,
        from: request.from_email_address,
        subject: subject.data,
        text: body.text.map(|text| text.data).unwrap_or_default(),
        html: body.html.map(|html| html.data).unwrap_or_default(),
    })
}

/// Checks an address of the form `local@domain` or `Name <local@domain>`.
fn check_address(text: &str) -> Result<(), ApiError> {
    let reject = |message: &str| Err(ApiError::bad_request(message));
    if text.chars().any(char::is_control) {
        return reject("Address contains control characters");
    }
    let address = match text.split_once('<') {
        None => text,
        Some((_, rest)) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return reject("Missing '>'"),
        },
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        return reject("Missing final '@domain'");
    };
    let is_plain = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"@".contains(&byte))
    };
    if local.is_empty() || local.len() > 64 || !is_plain(local) {
        return reject("Local part is empty, too long or contains invalid characters");
    }
    let labels = || domain.split('.');
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if labels().count() < 2 || !labels().all(is_label) {
        return reject("Domain contains invalid characters or has only one label");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request() -> Value {
        json!({
            "FromEmailAddress": "Latchkey <no-reply@latchkey.example>",
            "Destination": {"ToAddresses": ["john@example.com"]},
            "Content": {"Simple": {
                "Subject": {"Data": "Hello", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}},
            }},
            "ConfigurationSetName": "set",
        })
    }

    fn parsed_with(pointer: &str, value: Value) -> Result<Message, ApiError> {
        let mut request = request();
        *request.pointer_mut(pointer).expect("a field") = value;
        parse(request.to_string().as_bytes())
    }

    #[test]
    fn a_simple_mail_is_kept_unchanged() {
        let message = parse(request().to_string().as_bytes()).expect("a good request");
        assert_eq!(message.to, ["john@example.com"]);
        assert_eq!(message.from, "Latchkey <no-reply@latchkey.example>");
        assert_eq!(
            (
                message.subject.as_str(),
                message.text.as_str(),
                message.html.as_str()
            ),
            ("Hello", "text", "<p>html</p>")
        );
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for address in [
            "",
            "john",
            "john@",
            "@example.com",
            "john@example",
            "john@bücher.example",
            "jöhn@example.com",
            "a@b@example.com",
            "john@example..com",
            "john@example.com,eve@example.com",
            "john@example.com\r\nBcc: eve@example.com",
            "John <john@example.com",
        ] {
            assert!(
                parsed_with("/Destination/ToAddresses/0", json!(address)).is_err(),
                "{address}"
            );
            assert!(
                parsed_with("/FromEmailAddress", json!(address)).is_err(),
                "{address}"
            );
        }
        assert!(
            parsed_with(
                "/Destination/ToAddresses/0",
                json!("john@xn--bcher-kva.example")
            )
            .is_ok()
        );
    }

    #[test]
    fn anything_but_a_simple_mail_is_rejected() {
        assert!(parsed_with("/Destination", json!({})).is_err());
        assert!(parsed_with("/Destination/ToAddresses", json!(vec!["a@example.com"; 51])).is_err());
        assert!(parsed_with("/Content", json!({"Raw": {"Data": ""}})).is_err());
        assert!(parsed_with("/Content/Simple/Body", json!({})).is_err());
        assert!(parsed_with("/Content/Simple/Subject/Data", json!("a\nb")).is_err());
        assert!(
            parsed_with(
                "/Destination",
                json!({"ToAddresses": ["a@example.com"], "Other": []})
            )
            .is_err()
        );
        assert!(parse(b"not JSON").is_err());
    }
}
