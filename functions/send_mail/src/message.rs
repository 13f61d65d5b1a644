//! The content of mails, as text and as HTML. Subjects contain nothing that a user chose; HTML is escaped.

use askama::Template;
use shared::domain::{settings::MailSettings, user::User};

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
    /// A notice that the password was changed.
    PasswordChanged,
    /// A notice that the e-mail address was changed.
    EmailChanged,
}

#[derive(Template)]
#[template(path = "reset_password.txt")]
struct ResetPasswordText<'a> {
    name: &'a str,
    product: &'a str,
    link: &'a str,
    hours: u64,
}

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPasswordHtml<'a> {
    name: &'a str,
    product: &'a str,
    link: &'a str,
    hours: u64,
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a> {
    name: &'a str,
    product: &'a str,
    news: &'a str,
    advice: &'a str,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a> {
    name: &'a str,
    product: &'a str,
    news: &'a str,
    advice: &'a str,
}

impl EmailMessage {
    /// Renders `content` for `user`.
    pub(crate) fn render(
        content: &MailContent<'_>,
        user: &User,
        settings: &MailSettings,
    ) -> Result<Self, askama::Error> {
        let product = settings.product_name.as_str();
        let name = Some(user.first_name.as_str())
            .filter(|name| !name.is_empty())
            .unwrap_or(user.username.as_str());
        match content {
            MailContent::ResetPassword { token } => reset_password(name, product, token, settings),
            MailContent::PasswordChanged => notice(name, product, &PASSWORD_CHANGED),
            MailContent::EmailChanged => notice(name, product, &EMAIL_CHANGED),
        }
    }
}

/// The parts of a notice that differ between kinds.
struct Notice {
    subject: &'static str,
    news: &'static str,
    advice: &'static str,
}

const PASSWORD_CHANGED: Notice = Notice {
    subject: "password",
    news: "The password of your account was changed. All other sessions have been signed out.",
    advice: "If you did not make this change, reset your password now and contact us.",
};

const EMAIL_CHANGED: Notice = Notice {
    subject: "e-mail address",
    news: "The e-mail address of your account was changed. This is the last message sent to this address.",
    advice: "If you did not make this change, contact us immediately.",
};

fn reset_password(
    name: &str,
    product: &str,
    token: &str,
    settings: &MailSettings,
) -> Result<EmailMessage, askama::Error> {
    let base = &settings.reset_link_base;
    let separator = if base.contains('?') { '&' } else { '?' };
    let link = format!("{base}{separator}token={token}");
    let hours = settings.reset_link_lifetime.as_secs() / 3600;
    Ok(EmailMessage {
        subject: format!("Reset your {product} password"),
        text: ResetPasswordText {
            name,
            product,
            link: &link,
            hours,
        }
        .render()?,
        html: ResetPasswordHtml {
            name,
            product,
            link: &link,
            hours,
        }
        .render()?,
    })
}

fn notice(name: &str, product: &str, notice: &Notice) -> Result<EmailMessage, askama::Error> {
    let Notice {
        subject,
        news,
        advice,
    } = notice;
    Ok(EmailMessage {
        subject: format!("Your {product} {subject} was changed"),
        text: NoticeText {
            name,
            product,
            news,
            advice,
        }
        .render()?,
        html: NoticeHtml {
            name,
            product,
            news,
            advice,
        }
        .render()?,
    })
}
