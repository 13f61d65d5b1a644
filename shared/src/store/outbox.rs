//! Queues mails. A mail is an item: once it is written it is queued, and `send_mail` will send it.

use std::time::Duration;

use crate::{
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        mail::{Kind, Mail, Quota, QuotaDecision, RETENTION, State},
        random::Random,
        settings::Limits,
        user::{Change, User},
        user_id::UserId,
    },
    store::{
        database::{Error, Write},
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
}

/// Maximum attempts when concurrent requests conflict.
const MAX_ATTEMPTS: u32 = 3;

/// The outcome of requesting a reset link.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// A mail is queued, or an earlier one is still within its cool-down.
    Queued,
    /// The account had too many reset mails.
    TooMany {
        /// The time until the next request is allowed.
        retry_after: Duration,
    },
}

impl Outbox {
    /// Queues mails in `transient`. `users` tells which password version a quota still applies to.
    #[must_use]
    pub const fn new(transient: Transient, users: Users, random: Random, limits: Limits) -> Self {
        Self {
            transient,
            users,
            random,
            limits,
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
        let retry_after = Duration::from_secs(1);
        Ok(RequestOutcome::TooMany { retry_after })
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
        let last = seen.item();
        let password_version = match last {
            // A changed password voids the quota, and only the user's record knows of it.
            Some(_) => self.password_version(user).await?,
            None => None,
        };
        let is_elsewhere = last.is_some_and(|mail| mail.address_hash != address_hash);
        let before = last.and_then(|mail| mail.used_quota(user.is_none()));
        let decision = Quota::next(
            before.as_ref(),
            password_version,
            is_elsewhere,
            now,
            &self.limits,
        );
        let quota = match decision {
            QuotaDecision::Send(quota) => quota,
            QuotaDecision::CoolingDown => return Ok(Some(RequestOutcome::Queued)),
            QuotaDecision::TooMany { retry_after } => {
                return Ok(Some(RequestOutcome::TooMany { retry_after }));
            }
        };
        let user = user.unwrap_or(UserId::PLACEHOLDER);
        let mail = Mail {
            quota: Some(quota),
            ..self.new_mail(Kind::ResetPassword, user, address_hash, now)
        };
        let queued = self.transient.queue(&key, &mail, &seen).await?;
        Ok((queued == Queued::Done).then_some(RequestOutcome::Queued))
    }

    /// Returns the user's password version. Without a user it reads a placeholder, so that both cases cost the same.
    async fn password_version(&self, user: Option<UserId>) -> Result<Option<u64>, Error> {
        let record = self
            .users
            .by_id(user.unwrap_or(UserId::PLACEHOLDER))
            .await?;
        Ok(record
            .filter(|_| user.is_some())
            .map(|user| user.password_version))
    }

    /// Returns a write that queues a notice to the address in `user`, to be part of the change that it reports.
    pub fn notice(&self, kind: Kind, user: &User, now: Timestamp) -> Result<Write, Error> {
        let mail = Mail {
            address: Some(user.email.as_str().to_owned()),
            verified: user.email_verified,
            ..self.new_mail(kind, user.id, user.email.hash(), now)
        };
        let key = MailKey::notice(kind, user.id, &mail.nonce);
        self.transient.notice(&key, &mail)
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
        Mail {
            kind,
            user,
            address_hash,
            address: None,
            verified: false,
            nonce: self.random.name(),
            state: State::Queued,
            requested_at: now,
            expires_at: now + RETENTION,
            quota: None,
        }
    }
}
