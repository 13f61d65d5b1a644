//! Sending one mail: its content, with the token of its link, in the language of its reader.

use shared::domain::{
    email::EmailAddress,
    link_token::AddressBinding,
    locale::Locale,
    mail::{Kind, Mail},
    user::User,
};

use super::Delivery;
use crate::{
    error::DeliveryError,
    greeting::greeting_name,
    message::{EmailMessage, MailContent, Reader},
};

impl Delivery {
    /// Sends the mail to `to` and returns the message id that SES assigns.
    pub(super) async fn send(
        &self,
        mail: &Mail,
        user: &User,
        to: &EmailAddress,
    ) -> Result<String, DeliveryError> {
        let token;
        let (content, is_verified) = match mail.kind {
            Kind::ResetPassword => {
                let binding = user.credentials_binding();
                token = self.issue_token(mail, user.id, binding).await?.text();
                let content = MailContent::ResetPassword { token: &token };
                (content, user.email_verified)
            }
            Kind::ConfirmEmail => {
                let binding = AddressBinding::to(to);
                token = self.issue_token(mail, user.id, binding).await?.text();
                (MailContent::ConfirmEmail { token: &token }, false)
            }
            Kind::PasswordChanged if mail.address_hash == user.email.hash() => {
                (MailContent::PasswordChanged, mail.verified)
            }
            Kind::PasswordChanged => (MailContent::FormerPasswordChanged, mail.verified),
            Kind::EmailChanged => match self.issue_revert_token(mail, user).await? {
                Some(revert) => {
                    token = revert.token.text();
                    let content = MailContent::EmailChangedWithLink {
                        token: &token,
                        hours: revert.hours,
                    };
                    (content, mail.verified)
                }
                None => (MailContent::EmailChanged, mail.verified),
            },
            Kind::AccountDeleted => (MailContent::AccountDeleted, false),
            Kind::EmailChangeRequested => (MailContent::EmailChangeRequested, mail.verified),
        };
        let name = is_verified.then(|| greeting_name(user)).flatten();
        self.send_content(&content, name, user.locale.as_ref(), to)
            .await
    }

    /// Sends `content` to a reader of this name and locale.
    pub(super) async fn send_content(
        &self,
        content: &MailContent<'_>,
        name: Option<&str>,
        locale: Option<&Locale>,
        to: &EmailAddress,
    ) -> Result<String, DeliveryError> {
        let settings = &self.app.settings.mail;
        let language = locale.and_then(Locale::language);
        let reader = Reader {
            name,
            language: language.unwrap_or(settings.default_language),
        };
        let message = EmailMessage::render(content, &reader, settings)
            .map_err(|error| DeliveryError::Defect(error.to_string()))?;
        self.mailer.send(&to.mailbox(), &message).await
    }
}
