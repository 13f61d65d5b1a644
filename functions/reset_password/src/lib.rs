//! `POST /api/passwords/reset_password`: asks for a mail with a reset link. Nothing else changes.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    audit::{self, Metric},
    domain::email::EmailAddress,
    http::{self, Error, Fields, Response},
    lambda::WarmUp,
    store::outbox::RequestOutcome,
};

/// An address is looked up first.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// What may be asked in an hour is counted by source address under this name.
const LIMIT: &str = "reset_password";

struct Body {
    email: EmailAddress,
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            email: fields.required("email", EmailAddress::parse)?,
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
        .inspect(|user| audit::record_user(*user));
    if user.is_none() && app.settings.reveal_unknown_emails {
        Metric::ResetUnknown.count();
        return Err(Error::NotFound);
    }
    let outcome = if user.is_some() {
        Metric::ResetRequested
    } else {
        Metric::ResetUnknown
    };
    match app
        .outbox
        .request_reset(user, &email, app.clock.now())
        .await?
    {
        RequestOutcome::Queued => {
            outcome.count();
            http::detail(
                StatusCode::OK,
                "The password reset link has been queued for e-mail delivery.",
            )
        }
        RequestOutcome::TooMany { retry_after } => Err(Error::TooManyRequests { retry_after }),
    }
}
