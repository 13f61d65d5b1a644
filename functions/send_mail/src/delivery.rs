//! Delivers one mail: is it still wanted, to whom, with which secret, and how did it go?

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use shared::{
    app::App,
    audit::Metric,
    domain::{
        email::EmailAddress,
        mail::{Kind, Mail, State},
        reset_token::{ResetToken, StoredResetToken},
        user::User,
    },
    store::{database::Error, transient::MailKey},
};

use crate::{
    mailer::Mailer,
    message::{EmailMessage, MailContent},
    record::Record,
};

/// Delivers mails.
pub(crate) struct Delivery {
    app: &'static App,
    mailer: Mailer,
}

/// Why a mail was not sent.
pub(crate) enum DeliveryError {
    /// It will pass: the same record is to be tried again.
    Retryable(String),
    /// It will not: the mail has failed.
    Permanent(String),
}

impl From<Error> for DeliveryError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreadable { .. } => Self::Permanent(error.to_string()),
            Error::Unavailable { .. } | Error::Defect { .. } => Self::Retryable(error.to_string()),
        }
    }
}

/// How a mail that needs no other try ended.
struct Settled {
    state: State,
    detail: String,
    passwords: Option<u64>,
}

impl Settled {
    fn dropped(reason: &str) -> Self {
        Self {
            state: State::Dropped,
            detail: reason.to_owned(),
            passwords: None,
        }
    }
}

impl Delivery {
    pub(crate) const fn new(app: &'static App, mailer: Mailer) -> Self {
        Self { app, mailer }
    }

    /// Sends the mail that `record` tells of, unless it is done already, and notes how that went.
    pub(crate) async fn deliver(&self, record: &Record) -> Result<(), DeliveryError> {
        let Some(key) = record.key().and_then(MailKey::from_record) else {
            tracing::error!(
                record = record.sequence_number(),
                "stream record is not a mail item"
            );
            return Ok(());
        };
        // A mail without one cannot be read, and is to say so.
        let nonce = record.nonce().unwrap_or_default();
        let attempt = AssertUnwindSafe(self.attempt(&key, nonce))
            .catch_unwind()
            .await;
        let settled = match attempt
            .unwrap_or_else(|_| Err(DeliveryError::Permanent("delivery panicked".to_owned())))
        {
            Ok(None) => return Ok(()),
            Ok(Some(settled)) => settled,
            Err(DeliveryError::Permanent(detail)) => {
                tracing::error!(
                    record = record.sequence_number(),
                    detail,
                    "mail failed permanently"
                );
                Metric::MailFailed.count();
                Settled {
                    state: State::Failed,
                    detail,
                    passwords: None,
                }
            }
            Err(passing) => return Err(passing),
        };
        let noted = self.app.transient.settle(
            &key,
            nonce,
            settled.state,
            &settled.detail,
            settled.passwords,
        );
        noted.await.map_err(DeliveryError::from)
    }

    /// Nothing, if another asking took this one's place or it is settled.
    async fn attempt(&self, key: &MailKey, nonce: &str) -> Result<Option<Settled>, DeliveryError> {
        let mail = self.app.transient.mail(key).await?;
        let Some(mail) = mail.filter(|mail| mail.nonce == nonce && mail.state == State::Queued)
        else {
            return Ok(None);
        };
        let Some(user) = self.app.users.by_id(mail.user).await? else {
            return Ok(Some(Settled::dropped("the user no longer exists")));
        };
        let Some(to) = address(&mail, &user) else {
            return Ok(Some(Settled::dropped("the user's address has changed")));
        };
        let token;
        let content = match mail.kind {
            Kind::ResetPassword => {
                token = self.issue_token(&mail, &user).await?.text();
                MailContent::ResetPassword { token: &token }
            }
            Kind::PasswordChanged => MailContent::PasswordChanged,
            Kind::EmailChanged => MailContent::EmailChanged,
        };
        let message = EmailMessage::render(&content, &user, &self.app.settings.mail)
            .map_err(|error| DeliveryError::Permanent(error.to_string()))?;
        let detail = self.mailer.send(&to.mailbox(), &message).await?;
        Metric::MailSent.count();
        let passwords = (mail.kind == Kind::ResetPassword).then_some(user.password_version);
        Ok(Some(Settled {
            state: State::Sent,
            detail,
            passwords,
        }))
    }

    /// Makes the token that the mail will carry the user's only one.
    async fn issue_token(&self, mail: &Mail, user: &User) -> Result<ResetToken, DeliveryError> {
        let token = ResetToken::issue(user.id, self.app.random.bytes());
        let seen = self.app.transient.reset_token(user.id).await?;
        // If this mail was sent before and only the note of it was lost, the first copy's link works too.
        let earlier = seen.item().filter(|seen| {
            seen.nonce == mail.nonce && seen.credentials_version == user.credentials_version
        });
        let item = StoredResetToken {
            hash: token.hash(),
            earlier_hash: earlier.map(|seen| seen.hash.clone()),
            nonce: mail.nonce.clone(),
            credentials_version: user.credentials_version,
            expires_at: self.app.clock.now() + self.app.settings.mail.reset_link_lifetime,
        };
        if self
            .app
            .transient
            .replace_reset_token(user.id, &item, &seen)
            .await?
        {
            Ok(token)
        } else {
            Err(DeliveryError::Retryable(
                "another reset token was issued concurrently".to_owned(),
            ))
        }
    }
}

/// Where the mail goes: a notice to the address it was asked for; a link only to the one that is still the user's,
/// whatever the item says.
fn address(mail: &Mail, user: &User) -> Option<EmailAddress> {
    match (mail.kind, &mail.address) {
        (Kind::PasswordChanged | Kind::EmailChanged, Some(address)) => {
            EmailAddress::parse(address).ok()
        }
        _ => (mail.address_hash == user.email.hash()).then(|| user.email.clone()),
    }
}
