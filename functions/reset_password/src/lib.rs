//! `POST /api/passwords/reset_password`: queues a mail with a reset link. Nothing else changes.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit::{self, Metric},
    domain::{
        email::{self, EmailAddress},
        lookup::Lookup,
    },
    http::{self, Error, Fields, Response},
    lambda::WarmUp,
    store::outbox::RequestOutcome,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

struct Body {
    email: Lookup<EmailAddress, email::Error>,
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            email: fields.lookup("email", EmailAddress::lookup)?,
        })
    }
}

/// Queues a mail with a reset link. An unknown address is reported (404) or, by a setting, handled identically to prevent user enumeration.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let Body { email } = http::body(&request, Body::read)?;
    let Lookup {
        name: email,
        broken_rule,
    } = email;
    if let Some(error) = broken_rule
        && app.users.id_by_email(&email).await?.is_none()
    {
        return Err(Error::field("email", error));
    }
    app.count_request(&request, SourceLimit::Resets).await?;
    let user = app.users.id_by_email(&email).await?;
    if let Some(user) = user {
        audit::record_user(user);
    } else if app.settings.reveal_unknown_emails {
        Metric::ResetUnknown.count();
        return Err(Error::NotFound);
    }
    let requested = app.outbox.request_reset(user, &email, app.clock.now());
    match requested.await? {
        RequestOutcome::Queued => {
            let metric = match user {
                Some(_) => Metric::ResetRequested,
                None => Metric::ResetUnknown,
            };
            metric.count();
            let detail = "The password reset link has been queued for e-mail delivery.";
            http::detail(StatusCode::OK, detail)
        }
        RequestOutcome::TooMany { retry_after } => Err(Error::TooManyRequests { retry_after }),
    }
}
