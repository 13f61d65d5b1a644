//! The content of mails, as text and as HTML. Subjects contain nothing that a user chose; HTML is escaped.

use askama::Template;
use shared::domain::settings::MailSettings;

/// A mail, ready to be sent.
pub(crate) struct EmailMessage {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// The content of a mail.
pub(crate) enum MailContent<'a> {
    /// A link to reset the password.
    ResetPassword {
        /// The reset token, for the link.
        token: &'a str,
    },
    /// A notice, to the account's address, that the password was changed.
    PasswordChanged,
    /// The same notice to an address that the account no longer has: no reset link can be sent there.
    FormerPasswordChanged,
    /// A notice, to the former address, that the account's address was changed.
    EmailChanged,
}

/// What all mails have in common.
struct Common<'a> {
    subject: &'a str,
    /// The name in the greeting, if any.
    name: Option<&'a str>,
    product: &'a str,
    contact: Option<Contact<'a>>,
}

/// The place where users get help.
struct Contact<'a> {
    text: &'a str,
    url: String,
}

#[derive(Template)]
#[template(path = "reset_password.txt")]
struct ResetPasswordText<'a> {
    common: &'a Common<'a>,
    link: &'a str,
    hours: u64,
}

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPasswordHtml<'a> {
    common: &'a Common<'a>,
    link: &'a str,
    hours: u64,
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a> {
    common: &'a Common<'a>,
    notice: &'a Notice,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a> {
    common: &'a Common<'a>,
    notice: &'a Notice,
}

impl EmailMessage {
    /// Renders `content` with this name in the greeting.
    pub(crate) fn render(
        content: &MailContent<'_>,
        name: Option<&str>,
        settings: &MailSettings,
    ) -> Result<Self, askama::Error> {
        let product = settings.product_name.as_str();
        let subject = match content {
            MailContent::ResetPassword { .. } => format!("Reset your {product} password"),
            MailContent::PasswordChanged | MailContent::FormerPasswordChanged => {
                format!("Your {product} password was changed")
            }
            MailContent::EmailChanged => format!("Your {product} e-mail address was changed"),
        };
        let common = Common {
            subject: &subject,
            name,
            product,
            contact: settings.support_contact.as_deref().map(Contact::new),
        };
        let common = &common;
        let (text, html) = match content {
            MailContent::ResetPassword { token } => {
                let (link, hours) = (reset_link(settings, token), hours(settings));
                let link = link.as_str();
                let text = ResetPasswordText {
                    common,
                    link,
                    hours,
                };
                let html = ResetPasswordHtml {
                    common,
                    link,
                    hours,
                };
                (text.render()?, html.render()?)
            }
            MailContent::PasswordChanged => PASSWORD_CHANGED.render(common)?,
            MailContent::FormerPasswordChanged => FORMER_PASSWORD_CHANGED.render(common)?,
            MailContent::EmailChanged => EMAIL_CHANGED.render(common)?,
        };
        Ok(Self {
            subject,
            text,
            html,
        })
    }
}

impl<'a> Contact<'a> {
    /// The contact of the setting, an e-mail address or an https URL.
    fn new(text: &'a str) -> Self {
        let url = if text.starts_with("https://") {
            text.to_owned()
        } else {
            format!("mailto:{text}")
        };
        Self { text, url }
    }
}

/// The parts of a notice that differ between kinds.
struct Notice {
    news: &'static str,
    /// What a reader can do who did not make the change, before getting help.
    first_step: &'static str,
}

impl Notice {
    fn render(&self, common: &Common<'_>) -> Result<(String, String), askama::Error> {
        let text = NoticeText {
            common,
            notice: self,
        };
        let html = NoticeHtml {
            common,
            notice: self,
        };
        Ok((text.render()?, html.render()?))
    }
}

const PASSWORD_CHANGED: Notice = Notice {
    news: "The password of your account was changed. All other sessions have been signed out.",
    first_step: "request a password reset for this e-mail address now, and choose a new password. Then",
};

const FORMER_PASSWORD_CHANGED: Notice = Notice {
    news: PASSWORD_CHANGED.news,
    first_step: "",
};

const EMAIL_CHANGED: Notice = Notice {
    news: "The e-mail address of your account was changed. This is the last message sent to this address.",
    first_step: "",
};

fn reset_link(settings: &MailSettings, token: &str) -> String {
    let base = &settings.reset_link_base;
    let separator = if base.contains('?') { '&' } else { '?' };
    format!("{base}{separator}token={token}")
}

const fn hours(settings: &MailSettings) -> u64 {
    settings.reset_link_lifetime.as_secs() / 3600
}
