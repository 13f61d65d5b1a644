//! Asks for mails. A mail is an item: once it is written it is queued, and `send_mail` will send it.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    database::{Error, Write},
    digest::sha256_hex,
    email::Email,
    mail::{KEPT, Kind, Mail, Next, Quota, State},
    random::Random,
    settings::Limits,
    transient::{MailKey, Queued, Transient},
    user::User,
    user_id::UserId,
    users::Users,
};

/// Where mails are asked for.
pub struct Outbox {
    transient: Transient,
    users: Users,
    random: Random,
    limits: Limits,
}

/// Times that asking is tried which somebody else's asking overtook.
const TRIES: u32 = 3;

/// What came of asking for a reset link.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
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
    pub async fn ask_for_reset(
        &self,
        user: Option<UserId>,
        email: &Email,
        now: Timestamp,
    ) -> Result<Asked, Error> {
        for _ in 0..TRIES {
            if let Some(asked) = self.try_to_ask(user, email, now).await? {
                return Ok(asked);
            }
        }
        let retry_after = Duration::from_secs(1);
        Ok(Asked::TooMany { retry_after })
    }

    /// Nothing, if the mail's item was changed by somebody else meanwhile, for another address.
    async fn try_to_ask(
        &self,
        user: Option<UserId>,
        email: &Email,
        now: Timestamp,
    ) -> Result<Option<Asked>, Error> {
        let asked_for = address_hash(email);
        let key = user.map_or_else(|| MailKey::void(&asked_for), MailKey::reset);
        let nobody = UserId::from_random([0; 8]);
        let seen = self.transient.last_mail(&key).await?;
        let last = seen.item();
        let passwords = match last {
            // A changed password voids the count, and only the user's record knows of it.
            Some(_) => {
                let record = self.users.by_id(user.unwrap_or(nobody)).await?;
                record.filter(|_| user.is_some()).map(|user| user.passwords)
            }
            None => None,
        };
        let is_elsewhere = last.is_some_and(|mail| mail.asked_for != asked_for);
        let before = last.and_then(|mail| mail.quota.as_ref());
        let quota = match Quota::next(before, passwords, is_elsewhere, now, &self.limits) {
            Next::Send(quota) => quota,
            Next::OnItsWay => return Ok(Some(Asked::Queued)),
            Next::TooMany { retry_after } => return Ok(Some(Asked::TooMany { retry_after })),
        };
        let mail = Mail {
            quota: Some(quota),
            ..self.queued(Kind::ResetPassword, user.unwrap_or(nobody), asked_for, now)
        };
        let queued = self.transient.queue(&key, &mail, &seen).await?;
        Ok((queued == Queued::Done).then_some(Asked::Queued))
    }

    /// A write that queues a notice to `user`, at the address of the record given here, to be part of the change that
    /// it tells of.
    ///
    /// # Errors
    /// [`Error`] if the mail cannot be written.
    pub fn notice(&self, kind: Kind, user: &User, now: Timestamp) -> Result<Write, Error> {
        let mail = Mail {
            address: Some(user.email.as_str().to_owned()),
            ..self.queued(kind, user.id, address_hash(&user.email), now)
        };
        self.transient
            .notice(&MailKey::notice(kind, user.id, &mail.nonce), &mail)
    }

    fn queued(&self, kind: Kind, user: UserId, asked_for: String, now: Timestamp) -> Mail {
        Mail {
            kind,
            user,
            asked_for,
            address: None,
            nonce: self.random.name(),
            state: State::Queued,
            asked_at: now,
            expires_at: now + KEPT,
            quota: None,
        }
    }
}

/// Stands for an address where the address itself need not be: SHA-256 of its canonical form, in hex.
#[must_use]
pub fn address_hash(email: &Email) -> String {
    sha256_hex(email.canonical().as_bytes())
}
