//! Delivery of one mail: checks that it is still current, finds its recipient, issues the token of a reset link, sends
//! the mail and stores the result.

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
    store::transient::MailKey,
};

use crate::{
    error::DeliveryError,
    mailer::Mailer,
    message::{EmailMessage, MailContent},
    record::Record,
};

/// Delivers mails.
pub(crate) struct Delivery {
    app: &'static App,
    mailer: Mailer,
}

/// The final result of a mail, as stored in its item.
struct DeliveryResult {
    state: State,
    detail: String,
    password_version: Option<u64>,
}

impl DeliveryResult {
    fn dropped(reason: &str) -> Self {
        Self {
            state: State::Dropped,
            detail: reason.to_owned(),
            password_version: None,
        }
    }
}

impl Delivery {
    pub(crate) const fn new(app: &'static App, mailer: Mailer) -> Self {
        Self { app, mailer }
    }

    /// Sends the mail of `record`, unless it has been processed already, and stores the result.
    pub(crate) async fn deliver(&self, record: &Record) -> Result<(), DeliveryError> {
        let Some(key) = record.key().and_then(MailKey::from_record) else {
            tracing::error!(
                record = record.sequence_number(),
                "stream record is not a mail item"
            );
            return Ok(());
        };
        // A mail without a nonce cannot be deserialized; reading the item below reports that.
        let nonce = record.nonce().unwrap_or_default();
        let outcome = AssertUnwindSafe(self.try_deliver(&key, nonce))
            .catch_unwind()
            .await;
        let result = match outcome
            .unwrap_or_else(|_| Err(DeliveryError::Permanent("delivery panicked".to_owned())))
        {
            Ok(None) => return Ok(()),
            Ok(Some(result)) => result,
            Err(DeliveryError::Permanent(detail)) => {
                tracing::error!(
                    record = record.sequence_number(),
                    detail,
                    "mail failed permanently"
                );
                Metric::MailFailed.count();
                DeliveryResult {
                    state: State::Failed,
                    detail,
                    password_version: None,
                }
            }
            Err(retryable) => return Err(retryable),
        };
        self.app
            .transient
            .settle(
                &key,
                nonce,
                result.state,
                &result.detail,
                result.password_version,
            )
            .await
            .map_err(DeliveryError::from)
    }

    /// Sends the mail. Returns `None` if a later request has replaced it or it has been processed already.
    async fn try_deliver(
        &self,
        key: &MailKey,
        nonce: &str,
    ) -> Result<Option<DeliveryResult>, DeliveryError> {
        let mail = self.app.transient.mail(key).await?;
        let Some(mail) = mail.filter(|mail| mail.nonce == nonce && mail.state == State::Queued)
        else {
            return Ok(None);
        };
        let Some(user) = self.app.users.by_id(mail.user).await? else {
            return Ok(Some(DeliveryResult::dropped("the user no longer exists")));
        };
        let Some(to) = recipient(&mail, &user) else {
            return Ok(Some(DeliveryResult::dropped(
                "the user's address has changed",
            )));
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
        let password_version = (mail.kind == Kind::ResetPassword).then_some(user.password_version);
        Ok(Some(DeliveryResult {
            state: State::Sent,
            detail,
            password_version,
        }))
    }

    /// Issues the token for this mail. It replaces any earlier token of the user.
    async fn issue_token(&self, mail: &Mail, user: &User) -> Result<ResetToken, DeliveryError> {
        let token = ResetToken::issue(user.id, self.app.random.bytes());
        let slot = self.app.transient.reset_token(user.id).await?;
        // If an earlier attempt sent this mail but could not store the result, the link in that copy stays valid.
        let duplicate = slot.item().filter(|stored| {
            stored.nonce == mail.nonce && stored.credentials_version == user.credentials_version
        });
        let item = StoredResetToken {
            hash: token.hash(),
            earlier_hash: duplicate.map(|stored| stored.hash.clone()),
            nonce: mail.nonce.clone(),
            credentials_version: user.credentials_version,
            expires_at: self.app.clock.now() + self.app.settings.mail.reset_link_lifetime,
        };
        if self
            .app
            .transient
            .replace_reset_token(user.id, &item, &slot)
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

/// The recipient of a mail: for a notice, the address stored in its item, if any; otherwise the user's current address,
/// if it is still the one of the request. A reset link is never sent to an address from the item.
fn recipient(mail: &Mail, user: &User) -> Option<EmailAddress> {
    match (mail.kind, &mail.address) {
        (Kind::PasswordChanged | Kind::EmailChanged, Some(address)) => {
            // The address of a stored user may break today's rules.
            EmailAddress::lookup(address).ok().map(|lookup| lookup.name)
        }
        _ => (mail.address_hash == user.email.hash()).then(|| user.email.clone()),
    }
}
