//! Who makes a request: the session token checked against the keys and against the user's record.

use std::time::Duration;

use lambda_http::{Request, http::header::AUTHORIZATION};

use super::App;
use crate::{
    audit,
    auth::session_token::{UnverifiedToken, VerifiedToken},
    domain::{
        password::{HashError, Password},
        settings::SourceLimits,
        throttle::FailedAttempts,
        user::{SessionId, User},
        user_id::UserId,
    },
    http::{self, Error},
};

/// A signed-in user.
pub struct Caller {
    /// The user, as read a moment ago.
    pub user: User,
    /// The session that makes the request.
    pub session: SessionId,
}

impl App {
    /// Whom the token belongs to, by its signature and claims alone: whether the session still lives is not known yet.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] without exactly one good token; [`Error::Unavailable`] if no key can be read.
    pub async fn verify_token(&self, request: &Request) -> Result<VerifiedToken, Error> {
        http::check_size(request)?;
        let token = token(request).ok_or(Error::NotAuthenticated)?;
        let presented = UnverifiedToken::parse(token).map_err(|_| Error::NotAuthenticated)?;
        let key = self
            .verifier
            .key(presented.kid())
            .await?
            .ok_or(Error::NotAuthenticated)?;
        let bearer = presented
            .check(&key, &self.token_config, self.clock.now())
            .map_err(|_| Error::NotAuthenticated)?;
        audit::record_user(bearer.user);
        Ok(bearer)
    }

    /// Who makes the request, with a session that lives.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] if nobody does; [`Error::Unavailable`] if a table cannot be read.
    pub async fn authenticate(&self, request: &Request) -> Result<Caller, Error> {
        let VerifiedToken { user, session } = self.verify_token(request).await?;
        let user = self
            .users
            .by_id(user)
            .await?
            .ok_or(Error::NotAuthenticated)?;
        if user.has_session(&session, self.clock.now()) {
            Ok(Caller { user, session })
        } else {
            Err(Error::NotAuthenticated)
        }
    }

    /// Checks the password of a user who is signed in, and counts a wrong one.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] after too many wrong ones; [`Error::Invalid`], with the code `incorrect`, for a wrong
    /// one.
    pub async fn check_current_password(
        &self,
        user: &User,
        attempt: &Password,
    ) -> Result<(), Error> {
        self.check_throttle(user.failed_attempts.as_ref())?;
        if self.verify(attempt, user)? {
            return Ok(());
        }
        self.record_failed_attempt(user).await?;
        Err(Error::field(
            CURRENT_PASSWORD,
            http::Violation::new("incorrect", "is not the current password"),
        ))
    }

    /// Whether `attempt` is the user's password. A stored hash that is none fits nothing, and takes as long.
    ///
    /// # Errors
    /// [`Error::Internal`] if Argon2 cannot run.
    pub fn verify(&self, attempt: &Password, user: &User) -> Result<bool, Error> {
        match self.hasher.verify(attempt, &user.password) {
            Err(error @ HashError::Unreadable) => {
                tracing::error!(user = user.id.number(), %error, "stored password hash is malformed; the user must reset the password");
                self.hasher.verify_dummy(attempt);
                Ok(false)
            }
            verified => Ok(verified?),
        }
    }

    /// Ends the count of wrong passwords after a right one that writes nothing else, unless so many came in meanwhile
    /// that they have to be waited for: among guesses sent at once, the right one is told no sooner than the others.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] during a wait.
    pub async fn clear_failed_attempts(&self, user: UserId) -> Result<(), Error> {
        let now = self
            .users
            .by_id(user)
            .await?
            .ok_or(Error::NotAuthenticated)?;
        self.check_throttle(now.failed_attempts.as_ref())?;
        if now.failed_attempts.is_some() {
            self.users.reset_failed_attempts(user).await?;
        }
        Ok(())
    }

    /// Refuses to look at a password while the wrong ones before it have to be waited for.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] during the wait.
    pub fn check_throttle(&self, failures: Option<&FailedAttempts>) -> Result<(), Error> {
        match failures.and_then(|failures| failures.retry_after(self.clock.now())) {
            Some(retry_after) => Err(Error::TooManyRequests { retry_after }),
            None => Ok(()),
        }
    }

    /// Counts a wrong password for `user`.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] if others were counted meanwhile and have to be waited for: then this one is not told
    /// to be wrong.
    pub async fn record_failed_attempt(&self, user: &User) -> Result<(), Error> {
        self.record_on_top(Counted::User(user.id), user.failed_attempts.clone())
            .await
    }

    /// Counts a wrong password for a name that nobody has; `seen` were counted for it before.
    ///
    /// # Errors
    /// As [`Self::record_failed_attempt`].
    pub async fn record_unknown_name(
        &self,
        name_hash: &str,
        seen: Option<FailedAttempts>,
    ) -> Result<(), Error> {
        self.record_on_top(Counted::UnknownName(name_hash), seen)
            .await
    }

    /// Should somebody else have counted since `seen`, counts again, on top of it.
    async fn record_on_top(
        &self,
        of: Counted<'_>,
        mut seen: Option<FailedAttempts>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_RECORD_ATTEMPTS {
            let next = self.next_failure(seen.as_ref());
            let others = match of {
                Counted::User(id) => {
                    self.users
                        .record_failed_attempt(id, seen.as_ref(), &next)
                        .await?
                }
                Counted::UnknownName(hash) => {
                    self.transient
                        .record_unknown_name(hash, seen.as_ref(), &next)
                        .await?
                }
            };
            let Some(others) = others else { return Ok(()) };
            self.check_throttle(Some(&others))?;
            seen = Some(others);
        }
        Err(Error::TooManyRequests {
            retry_after: Duration::from_secs(1),
        })
    }

    /// What stands after one more wrong password.
    fn next_failure(&self, previous: Option<&FailedAttempts>) -> FailedAttempts {
        let limits = &self.settings.limits;
        FailedAttempts::record(
            previous,
            self.clock.now(),
            limits.wrong_passwords,
            limits.max_wait,
        )
    }

    /// Where the request comes from, for counting and for the audit.
    #[must_use]
    pub fn source(&self, request: &Request) -> String {
        http::source(request, self.settings.edge.as_ref())
    }

    /// Counts that the request's source did `what` once more, and refuses it if that is too often within an hour.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn limit_source(
        &self,
        request: &Request,
        what: &str,
        most: fn(&SourceLimits) -> u32,
    ) -> Result<(), Error> {
        let Some(limits) = &self.settings.limits.by_source else {
            return Ok(());
        };
        refuse(
            self.transient
                .count(what, &self.source(request), most(limits), self.clock.now())
                .await?,
        )
    }

    /// Refuses the request if its source did `what` too often within the hour; counts nothing.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn check_source(
        &self,
        request: &Request,
        what: &str,
        most: fn(&SourceLimits) -> u32,
    ) -> Result<(), Error> {
        let Some(limits) = &self.settings.limits.by_source else {
            return Ok(());
        };
        refuse(
            self.transient
                .is_over(what, &self.source(request), most(limits), self.clock.now())
                .await?,
        )
    }
}

/// Refuses for the time that is left, if any.
fn refuse(left: Option<Duration>) -> Result<(), Error> {
    left.map_or(Ok(()), |retry_after| {
        Err(Error::TooManyRequests { retry_after })
    })
}

/// What wrong passwords are counted for.
#[derive(Clone, Copy)]
enum Counted<'a> {
    /// A user.
    User(UserId),
    /// A name that nobody has, by its hash.
    UnknownName(&'a str),
}

/// The field of a request in which the user proves to know the password.
pub const CURRENT_PASSWORD: &str = "current-password";

/// Tries to count a wrong password among others that are counted at the same time.
const MAX_RECORD_ATTEMPTS: u32 = 5;

/// The one token of the request: `Token <jwt>` or `Bearer <jwt>` (RFC 6750), the scheme in any case (RFC 9110, section 11.1).
fn token(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    known.then_some(token).filter(|token| !token.is_empty())
}
