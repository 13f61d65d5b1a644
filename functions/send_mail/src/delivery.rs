//! Delivery of one mail: checks that it is still current, finds its recipient, sends it and stores the result.

mod recipient;
mod sending;
mod tokens;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use shared::{
    app::App,
    audit::{self, Metric},
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        mail::{Kind, Mail, NOTICE_LIFETIME, RETRY_PERIOD, State},
    },
};

use self::recipient::{recipient, stored_address};
use crate::{
    error::{DeliveryError, Scope},
    event::MailRef,
    mailer::Mailer,
    message::MailContent,
    pause::Pause,
    recipient_limit::RecipientLimit,
};

/// The time after which a mail that is not sent yet is reported as late: after the second retry.
const LATE_AFTER: u64 = 5 * 60;

/// Delivers mails.
pub(crate) struct Delivery {
    app: &'static App,
    mailer: Mailer,
    pause: Pause,
}

/// The outcome of an attempt to deliver a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The mail is sent, dropped, failed or replaced: there is nothing left to do.
    Settled,
    /// The mail must be retried.
    Retry,
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

    fn failed(detail: String) -> Self {
        Metric::MailFailed.count();
        Self {
            state: State::Failed,
            detail,
            password_version: None,
        }
    }
}

impl Delivery {
    pub(crate) fn new(app: &'static App, mailer: Mailer) -> Self {
        Self {
            app,
            mailer,
            pause: Pause::default(),
        }
    }

    /// Sends `mail`, unless it has been processed already, and stores the result. Logs and counts every failure.
    pub(crate) async fn deliver(&self, mail: &MailRef) -> Outcome {
        let mut requested_at = None;
        let attempt = AssertUnwindSafe(self.attempt(mail, &mut requested_at)).catch_unwind();
        let attempted = match attempt.await {
            Ok(attempted) => attempted,
            Err(_) => Err(DeliveryError::Defect("delivery panicked".to_owned())),
        };
        let result = match attempted {
            Ok(None) => return Outcome::Settled,
            Ok(Some(result)) => result,
            Err(error) => match self.failure(mail, error, requested_at) {
                Some(result) => result,
                None => return Outcome::Retry,
            },
        };
        match self.settle(mail, result).await {
            Ok(()) => Outcome::Settled,
            Err(error) => {
                // If the mail was sent, it will be sent again. This is rare, and better than a mail that is lost.
                match self.failure(mail, error, requested_at) {
                    Some(_) => Outcome::Settled,
                    None => Outcome::Retry,
                }
            }
        }
    }

    /// Logs and counts a failure. Returns the final result of the mail, or `None` if it must be retried.
    fn failure(
        &self,
        mail: &MailRef,
        error: DeliveryError,
        requested_at: Option<Timestamp>,
    ) -> Option<DeliveryResult> {
        let key = mail.key.as_str();
        match error {
            DeliveryError::Retryable {
                problem,
                scope,
                is_defect,
            } => {
                let now = self.app.clock.now();
                self.pause.record_failure(scope, now);
                let age = requested_at.map_or(0, |requested_at| now.seconds_since(requested_at));
                if age >= RETRY_PERIOD.as_secs() {
                    tracing::error!(mail = key, problem, "mail was given up after many retries");
                    return Some(DeliveryResult::failed(format!("given up: {problem}")));
                }
                if age >= LATE_AFTER {
                    Metric::MailFailed.count();
                }
                if is_defect {
                    tracing::error!(
                        mail = key,
                        problem,
                        "mail could not be sent and will be retried"
                    );
                    self.count_defect();
                } else {
                    tracing::warn!(
                        mail = key,
                        problem,
                        "mail could not be sent and will be retried"
                    );
                }
                None
            }
            DeliveryError::Rejected(detail) => {
                self.pause.record_response();
                tracing::warn!(mail = key, detail, "SES rejected a mail to its recipient");
                Some(DeliveryResult::failed(detail))
            }
            DeliveryError::Defect(detail) => {
                tracing::error!(mail = key, detail, "mail can never be sent");
                self.count_defect();
                Some(DeliveryResult::failed(detail))
            }
        }
    }

    fn count_defect(&self) {
        audit::count_defect(&self.app.function_name, &self.app.function_version);
    }

    async fn settle(&self, mail: &MailRef, result: DeliveryResult) -> Result<(), DeliveryError> {
        let DeliveryResult {
            state,
            detail,
            password_version,
        } = result;
        let transient = &self.app.transient;
        let settled = transient.settle(&mail.key, &mail.nonce, state, &detail, password_version);
        Ok(settled.await?)
    }

    /// Sends the mail. Returns `None` if a later request has replaced it or it has been processed already. Sets
    /// `requested_at` as soon as it is known.
    async fn attempt(
        &self,
        mail: &MailRef,
        requested_at: &mut Option<Timestamp>,
    ) -> Result<Option<DeliveryResult>, DeliveryError> {
        let MailRef { key, nonce } = mail;
        let mail = self.app.transient.mail(key).await?;
        let Some(mail) = mail.filter(|mail| mail.nonce == *nonce && mail.state == State::Queued)
        else {
            return Ok(None);
        };
        *requested_at = Some(mail.requested_at);
        let now = self.app.clock.now();
        let age = now.seconds_since(mail.requested_at);
        let is_dated = !mail.kind.is_requested() && !mail.is_indispensable();
        if is_dated && age >= NOTICE_LIFETIME.as_secs() {
            return Ok(Some(DeliveryResult::dropped("the notice is out of date")));
        }
        let user = self.app.users.with_disabled().by_id(mail.user).await?;
        let Some(user) = user else {
            return self.attempt_without_user(&mail).await.map(Some);
        };
        // A disabled user gets no mail of any kind: to every function the account is unknown. Not even a notice with a revert link,
        // which is dropped for no other reason, is an exception: its link would be invalid, and the operator, who has taken
        // the matter up, can set the address.
        if user.is_disabled() {
            return Ok(Some(DeliveryResult::dropped("the user is disabled")));
        }
        let Some(to) = recipient(&mail, &user) else {
            return Ok(Some(DeliveryResult::dropped(
                "the user's address has changed",
            )));
        };
        if mail.kind == Kind::ConfirmEmail && user.email_verified && to == user.email {
            return Ok(Some(DeliveryResult::dropped(
                "the address is verified already",
            )));
        }
        let settings = &self.app.settings.mail;
        if mail.kind == Kind::ConfirmEmail && settings.confirm_link_base.is_none() {
            return Ok(Some(DeliveryResult::dropped("no page confirms addresses")));
        }
        let send = async || self.send(&mail, &user, &to).await;
        let result = self.send_within_limit(&mail, &to, send).await?;
        Ok(Some(DeliveryResult {
            password_version: (result.state == State::Sent && mail.kind == Kind::ResetPassword)
                .then_some(user.password_version),
            ..result
        }))
    }

    /// Sends a notice whose user no longer exists: of the deletion, or of a change of address before it. A thief who changes a
    /// verified address and then deletes the account must not keep its owner from learning of it.
    async fn attempt_without_user(&self, mail: &Mail) -> Result<DeliveryResult, DeliveryError> {
        let content = match mail.kind {
            Kind::AccountDeleted => MailContent::AccountDeleted,
            Kind::EmailChanged if mail.verified => MailContent::EmailChanged,
            _ => return Ok(DeliveryResult::dropped("the user no longer exists")),
        };
        let to = mail.address.as_deref().and_then(stored_address);
        let to = to.ok_or_else(|| DeliveryError::Defect("the notice has no address".to_owned()))?;
        let send = async || {
            self.send_content(&content, None, mail.locale.as_ref(), &to)
                .await
        };
        self.send_within_limit(mail, &to, send).await
    }

    /// Sends `mail` by `send`, unless SES fails at present or the address had too many mails.
    async fn send_within_limit(
        &self,
        mail: &Mail,
        to: &EmailAddress,
        send: impl AsyncFnOnce() -> Result<String, DeliveryError>,
    ) -> Result<DeliveryResult, DeliveryError> {
        if self.pause.is_active(self.app.clock.now()) {
            let problem = "SES failed for other mails moments ago and was not called";
            return Err(DeliveryError::retryable(problem, Scope::NotCalled));
        }
        let recipients = RecipientLimit::new(self.app, mail, to);
        let Some(counted) = recipients.count().await? else {
            return Ok(DeliveryResult::dropped(
                "the address had too many mails in 24 hours",
            ));
        };
        match send().await {
            Ok(detail) => {
                self.pause.record_response();
                Metric::MailSent.count();
                Ok(DeliveryResult {
                    state: State::Sent,
                    detail,
                    password_version: None,
                })
            }
            Err(error) => {
                recipients.take_back(counted).await;
                Err(error)
            }
        }
    }
}
