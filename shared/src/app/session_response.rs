//! Responses that start or end a session: the token in the body, or in the session cookie.

use std::time::Duration;

use lambda_http::{
    Request,
    http::{StatusCode, header::SET_COOKIE},
};
use serde::Serialize;

use super::App;
use crate::{
    auth::session_token::IssuedToken,
    domain::user::{Session, User, View},
    http::{self, Error, Response, session_cookie},
};

/// The body of a successful sign-up or log-in.
#[derive(Serialize)]
struct SessionResponse<'a> {
    /// The session token, for the `Authorization` header; `None` if it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    user: View<'a>,
}

impl App {
    /// Rejects a request for a new session that the page of another origin may have made: in cookie mode, it could sign a
    /// visitor in to the attacker's account.
    ///
    /// # Errors
    /// [`Error::ForeignOrigin`].
    pub fn check_origin(&self, request: &Request) -> Result<(), Error> {
        match &self.settings.session_cookie {
            Some(settings) => http::check_origin(request, settings),
            None => Ok(()),
        }
    }

    /// Returns the response to a sign-up or a log-in that started `session`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the response cannot be serialized.
    pub fn session_response(
        &self,
        status: StatusCode,
        issued: &IssuedToken,
        session: &Session,
        user: &User,
    ) -> Result<Response, Error> {
        let token = issued.token.as_str();
        let cookie = match &self.settings.session_cookie {
            Some(settings) => {
                let seconds = session.expires_at.seconds_since(session.created_at);
                let lifetime = Duration::from_secs(seconds);
                Some(session_cookie::store(settings, token, lifetime)?)
            }
            None => None,
        };
        let body = SessionResponse {
            token: cookie.is_none().then_some(token),
            user: View::from(user),
        };
        let mut response = http::json(status, &body)?;
        response
            .headers_mut()
            .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        Ok(response)
    }

    /// Returns the response to a request that ended its own session.
    ///
    /// # Errors
    /// [`Error::Internal`], which cannot occur: the header is constant.
    pub fn session_ended(&self) -> Result<Response, Error> {
        let mut response = http::no_content();
        self.clear_session_cookie(&mut response)?;
        Ok(response)
    }

    /// Lets the browser delete the session cookie, in cookie mode.
    ///
    /// # Errors
    /// [`Error::Internal`], which cannot occur: the header is constant.
    pub(crate) fn clear_session_cookie(&self, response: &mut Response) -> Result<(), Error> {
        if let Some(settings) = &self.settings.session_cookie {
            let cookie = session_cookie::clear(settings)?;
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        Ok(())
    }
}
