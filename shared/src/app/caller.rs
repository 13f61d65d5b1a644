//! Who makes a request: the session token checked against the keys and against the user's record.

use std::time::Duration;

use lambda_http::{Request, http::header::AUTHORIZATION};

use super::App;
use crate::{
    failures::Failures,
    http::{self, Error},
    outcome,
    password::{Attempt, HashError},
    session::{Bearer, Presented},
    settings::SourceLimits,
    user::{SessionId, User},
    user_id::UserId,
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
    pub async fn bearer(&self, request: &Request) -> Result<Bearer, Error> {
        http::check_size(request)?;
        let token = token(request).ok_or(Error::NotAuthenticated)?;
        let presented = Presented::parse(token).map_err(|_| Error::NotAuthenticated)?;
        let key = self
            .verifier
            .key(presented.kid())
            .await?
            .ok_or(Error::NotAuthenticated)?;
        let bearer = presented
            .check(&key, &self.parties, self.clock.now())
            .map_err(|_| Error::NotAuthenticated)?;
        outcome::concerns(bearer.user);
        Ok(bearer)
    }

    /// Who makes the request, with a session that lives.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] if nobody does; [`Error::Unavailable`] if a table cannot be read.
    pub async fn caller(&self, request: &Request) -> Result<Caller, Error> {
        let Bearer { user, session } = self.bearer(request).await?;
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
        attempt: &Attempt,
    ) -> Result<(), Error> {
        self.check_wait(user.failures.as_ref())?;
        if self.verify(attempt, user)? {
            return Ok(());
        }
        self.count_failure(user).await?;
        Err(Error::field(
            CURRENT_PASSWORD,
            http::Reason::new("incorrect", "is not the current password"),
        ))
    }

    /// Whether `attempt` is the user's password. A stored hash that is none fits nothing, and takes as long.
    ///
    /// # Errors
    /// [`Error::Internal`] if Argon2 cannot run.
    pub fn verify(&self, attempt: &Attempt, user: &User) -> Result<bool, Error> {
        match self.hasher.verify(attempt, &user.password) {
            Err(error @ HashError::Unreadable) => {
                tracing::error!(user = user.id.number(), %error, "nobody can sign in as this user before a reset");
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
    pub async fn end_failures(&self, user: UserId) -> Result<(), Error> {
        let now = self
            .users
            .by_id(user)
            .await?
            .ok_or(Error::NotAuthenticated)?;
        self.check_wait(now.failures.as_ref())?;
        if now.failures.is_some() {
            self.users.forget_failures(user).await?;
        }
        Ok(())
    }

    /// Refuses to look at a password while the wrong ones before it have to be waited for.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] during the wait.
    pub fn check_wait(&self, failures: Option<&Failures>) -> Result<(), Error> {
        match failures.and_then(|failures| failures.wait(self.clock.now())) {
            Some(retry_after) => Err(Error::TooManyRequests { retry_after }),
            None => Ok(()),
        }
    }

    /// Counts a wrong password for `user`.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] if others were counted meanwhile and have to be waited for: then this one is not told
    /// to be wrong.
    pub async fn count_failure(&self, user: &User) -> Result<(), Error> {
        self.count_on_top(Counted::User(user.id), user.failures.clone())
            .await
    }

    /// Counts a wrong password for a name that nobody has; `seen` were counted for it before.
    ///
    /// # Errors
    /// As [`Self::count_failure`].
    pub async fn count_unknown_name(
        &self,
        name_hash: &str,
        seen: Option<Failures>,
    ) -> Result<(), Error> {
        self.count_on_top(Counted::UnknownName(name_hash), seen)
            .await
    }

    /// Should somebody else have counted since `seen`, counts again, on top of it.
    async fn count_on_top(&self, of: Counted<'_>, mut seen: Option<Failures>) -> Result<(), Error> {
        for _ in 0..COUNT_TRIES {
            let next = self.next_failure(seen.as_ref());
            let others = match of {
                Counted::User(id) => self.users.count_failure(id, seen.as_ref(), &next).await?,
                Counted::UnknownName(hash) => {
                    self.transient
                        .count_unknown_name(hash, seen.as_ref(), &next)
                        .await?
                }
            };
            let Some(others) = others else { return Ok(()) };
            self.check_wait(Some(&others))?;
            seen = Some(others);
        }
        Err(Error::TooManyRequests {
            retry_after: Duration::from_secs(1),
        })
    }

    /// What stands after one more wrong password.
    fn next_failure(&self, previous: Option<&Failures>) -> Failures {
        let limits = &self.settings.limits;
        Failures::one_more(
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
const COUNT_TRIES: u32 = 5;

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
