//! What mails say, as text and as HTML. A subject holds nothing that a user chose; in HTML everything is escaped.

use askama::Template;
use shared::domain::{settings::MailSettings, user::User};

/// A mail, ready to be sent.
pub(crate) struct EmailMessage {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What a mail tells.
pub(crate) enum MailContent<'a> {
    /// Here is the link to reset the password.
    ResetPassword {
        /// For the link.
        token: &'a str,
    },
    /// The password was changed.
    PasswordChanged,
    /// The account has another address.
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
    /// Writes to `user` what is told.
    pub(crate) fn write(
        told: &MailContent<'_>,
        user: &User,
        settings: &MailSettings,
    ) -> Result<Self, askama::Error> {
        let product = settings.product_name.as_str();
        let name = Some(user.first_name.as_str())
            .filter(|name| !name.is_empty())
            .unwrap_or(user.username.as_str());
        match told {
            MailContent::ResetPassword { token } => reset_password(name, product, token, settings),
            MailContent::PasswordChanged => notice(
                name,
                product,
                "password",
                "The password of your account was changed, and every other session was signed out.",
            ),
            MailContent::EmailChanged => notice(
                name,
                product,
                "e-mail address",
                "The e-mail address of your account was changed: mails now go to the new one, and this is the last to the old.",
            ),
        }
    }
}

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

fn notice(
    name: &str,
    product: &str,
    what: &str,
    news: &str,
) -> Result<EmailMessage, askama::Error> {
    let advice =
        "If this was not you, somebody else may know your password: reset it now, and tell us.";
    Ok(EmailMessage {
        subject: format!("Your {product} {what} was changed"),
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
