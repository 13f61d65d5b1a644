//! Verification of passwords, with throttling of wrong ones.
//!
//! Concurrent attempts take effect as if they came one after another: a wrong password is recorded conditional on the
//! counter that was read before it was verified, and so is the write that follows a right one.

use super::{App, Attempt, Contention};
use crate::{
    audit,
    domain::{
        digest::sha256_hex,
        password::{Hash, HashError, Password},
        throttle::{FailedAttempts, PasswordCounter, Recorded},
        user::User,
        user_id::UserId,
    },
    http::{self, Error},
};

/// The request field that proves knowledge of the current password.
pub const CURRENT_PASSWORD: &str = "current-password";

/// Maximum attempts to record a wrong password when concurrent ones conflict.
const MAX_RECORD_ATTEMPTS: u32 = 5;

/// The account that a log-in attempt counts against. An unknown name is throttled like a user and costs the same calls
/// and the same time, to prevent user enumeration.
pub enum Account {
    /// A user.
    Known(Box<User>),
    /// A name that no user has.
    Unknown {
        /// SHA-256 of the name's canonical form, in hexadecimal digits.
        name_hash: String,
        /// The wrong passwords given for it.
        failed_log_ins: Option<FailedAttempts>,
    },
}

/// A password from a request, with the stored hash that it was found to match, so that a retry does not hash it again.
pub struct Candidate {
    password: Password,
    matched: Option<Hash>,
}

impl Candidate {
    /// Wraps a password that has not been verified yet.
    #[must_use]
    pub const fn new(password: Password) -> Self {
        Self {
            password,
            matched: None,
        }
    }

    /// Returns the password.
    #[must_use]
    pub const fn password(&self) -> &Password {
        &self.password
    }
}

impl Account {
    fn failed_log_ins(&self) -> Option<&FailedAttempts> {
        match self {
            Self::Known(user) => user.failed_attempts(PasswordCounter::LogIn),
            Self::Unknown { failed_log_ins, .. } => failed_log_ins.as_ref(),
        }
    }
}

impl App {
    /// Returns the account of `id`, or of `name` if there is no such user. Both cost one read. While the table of counters is
    /// unavailable, wrong passwords for unknown names are not counted, and the response is that for a user's name.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a table cannot be read.
    pub async fn account(&self, id: Option<UserId>, name: &str) -> Result<Account, Error> {
        if let Some(id) = id {
            audit::record_user(id);
            if let Some(user) = self.users.by_id(id).await? {
                return Ok(Account::Known(Box::new(user)));
            }
        }
        let name_hash = sha256_hex(name.as_bytes());
        let counted = self.counters.unknown_name(&name_hash).await;
        let failed_log_ins = self.if_counted(counted)?.flatten();
        Ok(Account::Unknown {
            name_hash,
            failed_log_ins,
        })
    }

    /// Rejects a log-in while the account is locked.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the lock.
    pub fn check_account(&self, account: &Account) -> Result<(), Error> {
        self.check_throttle(account.failed_log_ins())
    }

    /// Verifies a password at log-in and records a wrong one. Returns the user if it is right, and `None` if the record
    /// changed before a wrong one was recorded: it may be right by now.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] while the account is locked; [`Error::InvalidCredentials`] for a wrong password or an
    /// unknown name.
    pub async fn verify_log_in(
        &self,
        account: Account,
        candidate: &mut Candidate,
    ) -> Result<Option<User>, Error> {
        self.check_account(&account)?;
        let seen = account.failed_log_ins().cloned();
        let is_recorded = match account {
            Account::Known(user) if self.matches(candidate, &user)? => return Ok(Some(*user)),
            Account::Known(user) => {
                let counter = Counter::User(&user, PasswordCounter::LogIn);
                self.record_failed_attempt(counter, seen).await?
            }
            Account::Unknown { name_hash, .. } => {
                self.hasher.verify_dummy(&candidate.password);
                let counter = Counter::UnknownName(&name_hash);
                self.record_failed_attempt(counter, seen).await?
            }
        };
        if is_recorded {
            return Err(Error::InvalidCredentials);
        }
        Ok(None)
    }

    /// Verifies the current password of a signed-in user and records a wrong one. Returns [`Attempt::Lost`] if the record
    /// changed before a wrong one was recorded: it may be right by now, or the session may have ended.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] while such attempts are locked; [`Error::Invalid`] with the code `incorrect` for a
    /// wrong password.
    pub async fn verify_current_password(
        &self,
        user: &User,
        candidate: &mut Candidate,
    ) -> Result<Attempt<()>, Error> {
        let seen = user.failed_attempts(PasswordCounter::CurrentPassword);
        self.check_throttle(seen)?;
        if self.matches(candidate, user)? {
            return Ok(Attempt::Done(()));
        }
        let counter = Counter::User(user, PasswordCounter::CurrentPassword);
        if !self.record_failed_attempt(counter, seen.cloned()).await? {
            return Ok(Attempt::Lost(Contention::Record));
        }
        let violation = http::Violation::new("incorrect", "is not the current password");
        Err(Error::field(CURRENT_PASSWORD, violation))
    }

    /// Rejects an attempt while the account is locked.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the lock.
    pub fn check_throttle(&self, attempts: Option<&FailedAttempts>) -> Result<(), Error> {
        match attempts.and_then(|attempts| attempts.retry_after(self.clock.now())) {
            Some(retry_after) => Err(Error::TooManyRequests { retry_after }),
            None => Ok(()),
        }
    }

    /// Returns true if the password matches the user's hash. A malformed hash matches nothing and costs the same time.
    fn matches(&self, candidate: &mut Candidate, user: &User) -> Result<bool, Error> {
        let matched = candidate.matched.as_ref();
        if matched.is_some_and(|hash| hash.as_str() == user.password.as_str()) {
            return Ok(true);
        }
        match self.hasher.verify(&candidate.password, &user.password) {
            Err(error @ HashError::Unreadable) => {
                tracing::error!(
                    user = user.id.number(),
                    %error,
                    "stored password hash is malformed; the user must reset the password"
                );
                self.hasher.verify_dummy(&candidate.password);
                Ok(false)
            }
            Err(error) => Err(error.into()),
            Ok(is_right) => {
                candidate.matched = is_right.then(|| user.password.clone());
                Ok(is_right)
            }
        }
    }

    /// Records a wrong password on top of those that concurrent requests record. Returns false, and records nothing, if the
    /// user's record changed since the password was verified.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] if they lock the account first: then the caller does not learn that this one is wrong.
    async fn record_failed_attempt(
        &self,
        counter: Counter<'_>,
        mut seen: Option<FailedAttempts>,
    ) -> Result<bool, Error> {
        let limits = &self.settings.limits;
        for _ in 0..MAX_RECORD_ATTEMPTS {
            let next = FailedAttempts::record(
                seen.as_ref(),
                self.clock.now(),
                limits.wrong_passwords,
                limits.max_wait,
            );
            let recorded = match counter {
                Counter::User(user, counter) => {
                    let users = &self.users;
                    users
                        .record_failed_attempt(user, counter, seen.as_ref(), &next)
                        .await?
                }
                Counter::UnknownName(hash) => {
                    let counters = &self.counters;
                    let recorded = counters.record_unknown_name(hash, seen.as_ref(), &next);
                    self.if_counted(recorded.await)?.unwrap_or(Recorded::Done)
                }
            };
            let current = match recorded {
                Recorded::Done => return Ok(true),
                Recorded::Outdated => return Ok(false),
                Recorded::Overtaken(current) => current,
            };
            self.check_throttle(current.as_ref())?;
            seen = current;
        }
        Err(Error::contended())
    }
}

/// The counter that a wrong password is recorded in.
#[derive(Clone, Copy)]
enum Counter<'a> {
    /// A counter in a user's record.
    User(&'a User, PasswordCounter),
    /// The counter of a name that no user has, by the name's hash.
    UnknownName(&'a str),
}
