//! Queues mails. A mail is an item: once it is written it is queued, and `send_mail` will send it.

use std::time::Duration;

use crate::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        mail::{Kind, Mail, Quota, QuotaDecision},
        random::Random,
        rate_limit::CONTENTION_RETRY_AFTER,
        settings::Limits,
        user::{Change, User},
        user_id::UserId,
    },
    store::{
        database::{Error, Slot, Write},
        transient::{MailKey, Queued, Transient},
        users::Users,
    },
};

/// The queue of mails.
pub struct Outbox {
    transient: Transient,
    users: Users,
    random: Random,
    limits: Limits,
    /// True if there is a page that confirmation links open.
    sends_confirmations: bool,
}

/// Maximum attempts when concurrent requests conflict.
const MAX_ATTEMPTS: u32 = 3;

/// The outcome of requesting a link.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// A mail is queued, or an earlier one is still within its cool-down.
    Queued,
    /// The account had too many mails of this kind.
    TooMany {
        /// The time until the next request is allowed.
        retry_after: Duration,
    },
}

impl Outbox {
    /// Queues mails in `transient`. `users` tells which password version a quota still applies to.
    #[must_use]
    pub const fn new(
        transient: Transient,
        users: Users,
        random: Random,
        limits: Limits,
        sends_confirmations: bool,
    ) -> Self {
        Self {
            transient,
            users,
            random,
            limits,
            sends_confirmations,
        }
    }

    /// Queues a reset link to `email`, the address of `user`. For an unknown address it does the same work and keeps the
    /// same count, without a mail, to prevent user enumeration.
    pub async fn request_reset(
        &self,
        user: Option<UserId>,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<RequestOutcome, Error> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(outcome) = self.try_request(user, email, now).await? {
                return Ok(outcome);
            }
        }
        Ok(RequestOutcome::TooMany {
            retry_after: CONTENTION_RETRY_AFTER,
        })
    }

    /// Returns `None` if the mail's item was changed for another address in the meantime.
    async fn try_request(
        &self,
        user: Option<UserId>,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<RequestOutcome>, Error> {
        let address_hash = email.hash();
        let key = user.map_or_else(|| MailKey::decoy(&address_hash), MailKey::reset);
        let seen = self.transient.last_mail(&key).await?;
        let password_version = match (seen.item(), user) {
            // A changed password voids the quota, and only the user's record knows of it.
            (Some(_), Some(id)) => {
                let current = self.users.by_id(id).await?;
                if current
                    .as_ref()
                    .is_none_or(|user| user.email.hash() != address_hash)
                {
                    // The address changed, or the account was deleted or disabled, since the id was read. The mail would be
                    // dropped, and must not replace one to the new address.
                    return Ok(Some(RequestOutcome::Queued));
                }
                current.map(|user| user.password_version)
            }
            // The same number of calls, so that the time does not show that the address is unknown.
            (Some(_), None) => {
                self.users.by_id(UserId::PLACEHOLDER).await?;
                None
            }
            (None, _) => None,
        };
        let user_id = user.unwrap_or(UserId::PLACEHOLDER);
        let mail = self.new_mail(Kind::ResetPassword, user_id, address_hash, now);
        self.queue(&key, &seen, mail, user.is_none(), password_version)
            .await
    }

    /// Queues `mail` in place of the mail `seen`, within their quota. Returns `None` if the item was changed for another
    /// address in the meantime.
    async fn queue(
        &self,
        key: &MailKey,
        seen: &Slot<Mail>,
        mail: Mail,
        is_decoy: bool,
        password_version: Option<u64>,
    ) -> Result<Option<RequestOutcome>, Error> {
        let last = seen.item();
        let is_elsewhere = last.is_some_and(|last| last.address_hash != mail.address_hash);
        let before = last.and_then(|last| last.used_quota(is_decoy));
        let decision = Quota::next(
            before.as_ref(),
            password_version,
            is_elsewhere,
            mail.requested_at,
            &self.limits,
        );
        let quota = match decision {
            QuotaDecision::Send(quota) => quota,
            QuotaDecision::CoolingDown => return Ok(Some(RequestOutcome::Queued)),
            QuotaDecision::TooMany { retry_after } => {
                return Ok(Some(RequestOutcome::TooMany { retry_after }));
            }
        };
        let mail = Mail {
            quota: Some(quota),
            ..mail
        };
        let queued = self.transient.queue(key, &mail, seen).await?;
        Ok((queued == Queued::Done).then_some(RequestOutcome::Queued))
    }

    /// Queues a confirmation link to `user`, at the pending address if there is one, within the quota of such mails. Does
    /// nothing if no confirmation mails are sent.
    pub async fn request_confirmation(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<RequestOutcome, Error> {
        if !self.sends_confirmations {
            return Ok(RequestOutcome::Queued);
        }
        let key = MailKey::confirmation(user.id);
        let mut address_hash = user.confirmation_recipient().hash();
        for _ in 0..MAX_ATTEMPTS {
            let seen = self.transient.last_mail(&key).await?;
            if seen
                .item()
                .is_some_and(|last| last.address_hash != address_hash)
            {
                // The address may have changed since the user was read. The mail that confirms the new one must not be
                // replaced by one to the old one, which would be dropped.
                let Some(current) = self.users.by_id(user.id).await? else {
                    return Ok(RequestOutcome::Queued);
                };
                address_hash = current.confirmation_recipient().hash();
            }
            let mail = self.new_mail(Kind::ConfirmEmail, user.id, address_hash.clone(), now);
            if let Some(outcome) = self.queue(&key, &seen, mail, false, None).await? {
                return Ok(outcome);
            }
        }
        Ok(RequestOutcome::TooMany {
            retry_after: CONTENTION_RETRY_AFTER,
        })
    }

    /// Returns a write that queues the confirmation link to the address of `user`, who signs up, to be part of the sign-up;
    /// `None` if no confirmation mails are sent.
    pub fn first_confirmation(&self, user: &User, now: Timestamp) -> Result<Option<Write>, Error> {
        self.confirmation(user, &Slot::Vacant, now)
    }

    /// Returns a write that queues the confirmation link to the new or pending address of `user`, to be part of the change
    /// of address; `None` if no confirmation mails are sent.
    pub async fn confirmation_of_change(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<Option<Write>, Error> {
        if !self.sends_confirmations {
            return Ok(None);
        }
        let seen = self
            .transient
            .last_mail(&MailKey::confirmation(user.id))
            .await?;
        self.confirmation(user, &seen, now)
    }

    fn confirmation(
        &self,
        user: &User,
        seen: &Slot<Mail>,
        now: Timestamp,
    ) -> Result<Option<Write>, Error> {
        if !self.sends_confirmations {
            return Ok(None);
        }
        let before = seen.item().and_then(|last| last.used_quota(false));
        let address_hash = user.confirmation_recipient().hash();
        let mail = Mail {
            quota: Some(Quota::after_change(before.as_ref(), now, &self.limits)),
            ..self.new_mail(Kind::ConfirmEmail, user.id, address_hash, now)
        };
        let key = MailKey::confirmation(user.id);
        self.transient.replacement(&key, &mail, seen).map(Some)
    }

    /// Returns a write that queues a notice to the address in `user`, to be part of the change that it reports.
    pub fn notice(&self, kind: Kind, user: &User, now: Timestamp) -> Result<Write, Error> {
        let mail = Mail {
            address: Some(user.email.as_str().to_owned()),
            verified: user.email_verified,
            locale: user.locale.clone(),
            reverts: (kind == Kind::EmailChanged && user.email_verified)
                .then_some(user.credentials_version),
            ..self.new_mail(kind, user.id, user.email.hash(), now)
        };
        let key = MailKey::notice(kind, user.id, &mail.nonce);
        self.transient.notice(&key, &mail)
    }

    /// Returns a write that queues the notice that `user` is deleted, to be part of the deletion; `None` if the address was
    /// never verified.
    pub fn deletion_notice(&self, user: &User, now: Timestamp) -> Result<Option<Write>, Error> {
        let mail = Mail::of_deletion(user, self.random.name(), now);
        mail.map(|mail| self.transient.deletion_notice(&mail))
            .transpose()
    }

    /// Returns the writes that queue a notice of each change. They go to the address in `before`: if someone else made
    /// the change, that is the owner's.
    pub fn notices(
        &self,
        changes: &[Change],
        before: &User,
        now: Timestamp,
    ) -> Result<Vec<Write>, Error> {
        let kinds = changes.iter().filter_map(|change| Kind::notice_of(*change));
        kinds.map(|kind| self.notice(kind, before, now)).collect()
    }

    fn new_mail(&self, kind: Kind, user: UserId, address_hash: String, now: Timestamp) -> Mail {
        Mail::new(kind, user, address_hash, self.random.name(), now)
    }
}
