//! `POST /api/passwords/reset_password`: asks for a mail with a reset link. Nothing else changes.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    email::Email,
    http::{self, Error, Fields, Response},
    lambda::Opening,
    outbox::Asked,
    outcome::{self, Outcome},
};

/// An address is looked up first.
pub const OPENING: Opening = Opening::Users;

/// What may be asked in an hour is counted by source address under this name.
const LIMIT: &str = "reset_password";

struct Body {
    email: Email,
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            email: fields.required("email", Email::parse)?,
        })
    }
}

/// An address that nobody has is told (404) or, by a setting, goes through the same motions and is answered the same.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let Body { email } = http::body(&request, Body::read)?;
    app.limit_source(&request, LIMIT, |limits| limits.resets)
        .await?;
    let user = app
        .users
        .id_by_email(&email)
        .await?
        .inspect(|user| outcome::concerns(*user));
    if user.is_none() && app.settings.reveal_unknown_emails {
        Outcome::ResetUnknown.count();
        return Err(Error::NotFound);
    }
    let outcome = if user.is_some() {
        Outcome::ResetRequested
    } else {
        Outcome::ResetUnknown
    };
    match app
        .outbox
        .ask_for_reset(user, &email, app.clock.now())
        .await?
    {
        Asked::Queued => {
            outcome.count();
            http::detail(
                StatusCode::OK,
                "The password reset link has been queued for e-mail delivery.",
            )
        }
        Asked::TooMany { retry_after } => Err(Error::TooManyRequests { retry_after }),
    }
}
