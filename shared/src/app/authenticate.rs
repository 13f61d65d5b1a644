//! Authentication: the session token of a request, from the `Authorization` header or the session cookie, checked against the public keys and the user's record.

use lambda_http::{Request, http::header::AUTHORIZATION};

use super::App;
use crate::{
    audit,
    auth::{
        access_token::{Expected, ReceivedAccessToken, VerifiedAccessToken},
        session_token::{UnverifiedToken, VerifiedToken},
    },
    domain::{
        settings::SessionCookie,
        user::{SessionId, User},
    },
    http::{self, Error, session_cookie},
};

/// The signed-in user who makes a request.
pub struct Caller {
    /// The user, as just read.
    pub user: User,
    /// The session that makes the request.
    pub session: SessionId,
}

impl App {
    /// Verifies the request's token by signature and claims alone; the session may have ended.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] unless there is exactly one valid token; [`Error::ForeignOrigin`] for a change with a
    /// cookie that the page of another origin may have requested; [`Error::Unavailable`] if the public keys cannot be
    /// read.
    pub async fn verify_token(&self, request: &Request) -> Result<VerifiedToken, Error> {
        self.verify_session_token(self.session_token(request)?)
            .await
    }

    async fn verify_session_token(&self, token: &str) -> Result<VerifiedToken, Error> {
        let token = UnverifiedToken::parse(token).map_err(|_| Error::NotAuthenticated)?;
        let key = self.verifier.key(token.kid()).await?;
        let verified = token
            .check(
                &*key.ok_or(Error::NotAuthenticated)?,
                &self.token_config,
                self.clock.now(),
            )
            .map_err(|_| Error::NotAuthenticated)?;
        audit::record_user(verified.user);
        Ok(verified)
    }

    /// Returns the user who makes the request, in a session that exists.
    ///
    /// # Errors
    /// The errors of [`App::verify_token`]; [`Error::NotAuthenticated`] if the session does not exist any more;
    /// [`Error::Unavailable`] if a table cannot be read.
    pub async fn authenticate(&self, request: &Request) -> Result<Caller, Error> {
        self.authenticate_token(self.session_token(request)?).await
    }

    /// Returns the user of a session token, as [`Self::authenticate`] does.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] unless it is the valid token of an existing session; [`Error::Unavailable`] if a table
    /// cannot be read.
    pub async fn authenticate_token(&self, token: &str) -> Result<Caller, Error> {
        let VerifiedToken { user, session, .. } = self.verify_session_token(token).await?;
        match self.users.by_id(user).await? {
            Some(user) if user.has_session(&session, self.clock.now()) => {
                Ok(Caller { user, session })
            }
            _ => Err(Error::NotAuthenticated),
        }
    }

    /// Verifies an access token for the authorizer, by signature and claims alone: it is valid until it expires.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] unless it is valid; [`Error::Unavailable`] if the public keys cannot be read.
    pub async fn verify_access_token(&self, token: &str) -> Result<VerifiedAccessToken, Error> {
        let token = ReceivedAccessToken::parse(token).map_err(|_| Error::NotAuthenticated)?;
        let key = self.access_verifier.key(token.kid()).await?;
        let expected = Expected {
            issuer: self.settings.issuer.as_deref(),
            audiences: &self.settings.access_tokens.authorizer_audiences,
        };
        let verified = token
            .check(
                &*key.ok_or(Error::NotAuthenticated)?,
                &expected,
                self.clock.now(),
            )
            .map_err(|_| Error::NotAuthenticated)?;
        audit::record_user(verified.user);
        Ok(verified)
    }

    /// Returns true if the request's only credential is the session cookie.
    pub(crate) fn is_by_cookie(&self, request: &Request) -> bool {
        let settings = self.settings.session_cookie.as_ref();
        let has_cookie = |settings| session_cookie::values(request, settings).next().is_some();
        !request.headers().contains_key(AUTHORIZATION) && settings.is_some_and(has_cookie)
    }

    /// Returns the token of a request that is not too large.
    fn session_token<'a>(&self, request: &'a Request) -> Result<&'a str, Error> {
        http::check_size(request)?;
        credential(request, self.settings.session_cookie.as_ref())
    }
}

/// Returns the request's only credential. A browser adds the cookie to requests that its user did not want, so that with a
/// cookie, a change must come from a page of an allowed origin.
fn credential<'a>(
    request: &'a Request,
    settings: Option<&SessionCookie>,
) -> Result<&'a str, Error> {
    let header = || bearer_token(request).ok_or(Error::NotAuthenticated);
    let Some(settings) = settings else {
        return header();
    };
    let mut cookies = session_cookie::values(request, settings);
    let Some(cookie) = cookies.next() else {
        return header();
    };
    if http::is_unsafe(request) {
        http::check_origin(request, settings)?;
    }
    if cookies.next().is_some() || request.headers().contains_key(AUTHORIZATION) {
        return Err(Error::NotAuthenticated);
    }
    Ok(cookie)
}

/// Returns the request's only token: `Bearer <token>` (RFC 6750) or `Token <token>`. The scheme is case-insensitive
/// (RFC 9110, section 11.1).
fn bearer_token(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    known.then_some(token).filter(|token| !token.is_empty())
}
