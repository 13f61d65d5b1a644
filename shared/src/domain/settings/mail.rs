//! The settings of mails and of the links in them.

use std::time::Duration;

use super::environment::{DAY, Environment, Error, HOUR};
use crate::domain::{color::Color, locale::Language};

/// The sender, links and SES configuration of mails.
#[derive(Clone)]
pub struct MailSettings {
    /// The sender, in the form of RFC 5322: `Name <local@domain>`.
    pub from: String,
    /// The product's name in mails.
    pub product_name: String,
    /// The URL of the page that a reset link opens; the token is added as the parameter `token` of the query, or of the fragment if
    /// the URL ends with a `#`.
    pub reset_link_base: String,
    /// The URL of the page that a confirmation link opens; the token is added as the query parameter `key`. `None` if no
    /// confirmation mails are sent.
    pub confirm_link_base: Option<String>,
    /// The URL of the page that a revert link opens; the token is added as the query parameter `key`. `None` if no such
    /// links are sent.
    pub revert_link_base: Option<String>,
    /// The time from a change of address for which its revert link is valid and the former address is reserved.
    pub revert_link_lifetime: Duration,
    /// Lifetime of a reset link or a confirmation link, from sending.
    pub reset_link_lifetime: Duration,
    /// The e-mail address or https URL at which users get help; `None` if notices name none.
    pub support_contact: Option<String>,
    /// The language of mails to users without a language of their own.
    pub default_language: Language,
    /// The colour of buttons; `None` for a neutral one.
    pub brand_color: Option<Color>,
    /// A line at the end of every mail, such as the company and its address; `None` for none.
    pub footer: Option<String>,
    /// Name of the SES configuration set, if one is used.
    pub configuration_set: Option<String>,
    /// Name of the group of EventBridge schedules that retry mails.
    pub retry_group: String,
    /// ARN of the role with which EventBridge Scheduler invokes `send_mail`.
    pub retry_role: String,
}

impl MailSettings {
    /// Returns the time for which a former address is reserved, if links take accounts back to them.
    #[must_use]
    pub fn revert_lifetime(&self) -> Option<Duration> {
        let has_page = self.revert_link_base.is_some();
        has_page.then_some(self.revert_link_lifetime)
    }

    pub(super) fn read(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            from: environment.text("MAIL_FROM")?,
            product_name: environment.text("PRODUCT_NAME")?,
            reset_link_base: environment.text("RESET_LINK_BASE")?,
            confirm_link_base: environment.optional("CONFIRM_LINK_BASE"),
            revert_link_base: environment.optional("REVERT_LINK_BASE"),
            revert_link_lifetime: environment.duration("REVERT_LINK_DAYS", DAY)?,
            reset_link_lifetime: environment.duration("RESET_LINK_HOURS", HOUR)?,
            support_contact: environment.optional("SUPPORT_CONTACT"),
            default_language: environment.parsed("DEFAULT_LANGUAGE")?,
            brand_color: environment.parsed_optional("BRAND_COLOR")?,
            footer: environment.optional("MAIL_FOOTER"),
            configuration_set: environment.optional("CONFIGURATION_SET"),
            retry_group: environment.text("MAIL_RETRY_GROUP")?,
            retry_role: environment.text("MAIL_RETRY_ROLE")?,
        })
    }
}

/// Reads the setting that has new addresses confirmed first.
pub(super) fn read_confirm_email_change(environment: &Environment) -> Result<bool, Error> {
    let name = "CONFIRM_EMAIL_CHANGE";
    let is_on = environment.parsed(name)?;
    if is_on && environment.optional("CONFIRM_LINK_BASE").is_none() {
        return Err(Error {
            name,
            problem: "is true without CONFIRM_LINK_BASE: no new address could be confirmed"
                .to_owned(),
        });
    }
    Ok(is_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_confirmed_first_only_with_a_page() {
        let read = |is_on: &'static str, page: &'static str| {
            let lookup = move |name: &str| {
                let value = if name == "CONFIRM_EMAIL_CHANGE" {
                    is_on
                } else {
                    page
                };
                Some(value.to_owned())
            };
            read_confirm_email_change(&Environment(&lookup)).ok()
        };
        let page = "https://app.example.com/confirm_email";
        assert_eq!(read("true", page), Some(true));
        assert_eq!(read("true", ""), None);
        assert_eq!(read("false", ""), Some(false));
    }
}
