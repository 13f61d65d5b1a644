//! Asks for mails. A mail is an item: once it is written it is queued, and `send_mail` will send it.

use std::time::Duration;

use crate::{
    domain::{
        clock::Timestamp,
        digest::sha256_hex,
        email::EmailAddress,
        mail::{Kind, Mail, Quota, QuotaDecision, RETENTION, State},
        random::Random,
        settings::Limits,
        user::User,
        user_id::UserId,
    },
    store::{
        database::{Error, Write},
        transient::{MailKey, Queued, Transient},
        users::Users,
    },
};

/// Where mails are asked for.
pub struct Outbox {
    transient: Transient,
    users: Users,
    random: Random,
    limits: Limits,
}

/// Times that asking is tried which somebody else's asking overtook.
const MAX_ATTEMPTS: u32 = 3;

/// What came of asking for a reset link.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It is queued, or another is on its way.
    Queued,
    /// There were too many.
    TooMany {
        /// When to ask again.
        retry_after: Duration,
    },
}

impl Outbox {
    /// Asks through the table of what may vanish; `users` tells whether a count still holds.
    #[must_use]
    pub fn new(transient: Transient, users: Users, random: Random, limits: Limits) -> Self {
        Self {
            transient,
            users,
            random,
            limits,
        }
    }

    /// Asks for a reset link to `email`, the address of `user`; for an address that nobody has, does the same work and
    /// counts the same, for nothing.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn request_reset(
        &self,
        user: Option<UserId>,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<RequestOutcome, Error> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(asked) = self.try_request(user, email, now).await? {
                return Ok(asked);
            }
        }
        let retry_after = Duration::from_secs(1);
        Ok(RequestOutcome::TooMany { retry_after })
    }

    /// Nothing, if the mail's item was changed by somebody else meanwhile, for another address.
    async fn try_request(
        &self,
        user: Option<UserId>,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<RequestOutcome>, Error> {
        let address_hash = email.hash();
        let key = user.map_or_else(|| MailKey::decoy(&address_hash), MailKey::reset);
        let nobody = UserId::from_random([0; 8]);
        let seen = self.transient.last_mail(&key).await?;
        let last = seen.item();
        let passwords = match last {
            // A changed password voids the count, and only the user's record knows of it.
            Some(_) => {
                let record = self.users.by_id(user.unwrap_or(nobody)).await?;
                record
                    .filter(|_| user.is_some())
                    .map(|user| user.password_version)
            }
            None => None,
        };
        let is_elsewhere = last.is_some_and(|mail| mail.address_hash != address_hash);
        let before = last.and_then(|mail| mail.quota.as_ref());
        let quota = match Quota::next(before, passwords, is_elsewhere, now, &self.limits) {
            QuotaDecision::Send(quota) => quota,
            QuotaDecision::CoolingDown => return Ok(Some(RequestOutcome::Queued)),
            QuotaDecision::TooMany { retry_after } => {
                return Ok(Some(RequestOutcome::TooMany { retry_after }));
            }
        };
        let mail = Mail {
            quota: Some(quota),
            ..self.queued(
                Kind::ResetPassword,
                user.unwrap_or(nobody),
                address_hash,
                now,
            )
        };
        let queued = self.transient.queue(&key, &mail, &seen).await?;
        Ok((queued == Queued::Done).then_some(RequestOutcome::Queued))
    }

    /// A write that queues a notice to `user`, at the address of the record given here, to be part of the change that
    /// it tells of.
    ///
    /// # Errors
    /// [`Error`] if the mail cannot be written.
    pub fn notice(&self, kind: Kind, user: &User, now: Timestamp) -> Result<Write, Error> {
        let mail = Mail {
            address: Some(user.email.as_str().to_owned()),
            ..self.queued(kind, user.id, user.email.hash(), now)
        };
        self.transient
            .notice(&MailKey::notice(kind, user.id, &mail.nonce), &mail)
    }

    fn queued(&self, kind: Kind, user: UserId, address_hash: String, now: Timestamp) -> Mail {
        Mail {
            kind,
            user,
            address_hash,
            address: None,
            nonce: self.random.name(),
            state: State::Queued,
            requested_at: now,
            expires_at: now + RETENTION,
            quota: None,
        }
    }
}
