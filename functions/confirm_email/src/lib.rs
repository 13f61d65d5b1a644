//! `POST /auth/confirm_email`: marks the address as verified, by the token from a confirmation mail.
//! `POST /auth/confirm_email/resend`: queues another confirmation mail to the caller.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit,
    domain::{
        link_token::{self, AddressBinding, LinkToken},
        user::Change,
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
    store::outbox::RequestOutcome,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The error of a token that is malformed, unknown, used, expired or replaced.
const INVALID_TOKEN: Error = Error::InvalidToken { field: "key" };

struct Body {
    key: Result<LinkToken, link_token::Error>,
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        // A malformed token is rejected like an unknown one.
        let key = fields.required("key", |text| Ok::<_, Violation>(LinkToken::parse(text)));
        Some(Self { key: key? })
    }
}

/// Serves both routes.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    if http::route(&request).ends_with("/resend") {
        resend(app, &request).await
    } else {
        confirm(app, &request).await
    }
}

/// The transaction that sets the address to verified checks the token, and the address that it was sent to, again.
async fn confirm(app: &App, request: &Request) -> Result<Response, Error> {
    let Body { key } = http::body(request, Body::read)?;
    app.count_request(request, SourceLimit::Completions).await?;
    let token = key.map_err(|_| INVALID_TOKEN)?;
    audit::record_user(token.user());
    let now = app.clock.now();
    let (stored, user) = tokio::try_join!(
        app.transient.token::<AddressBinding>(token.user()),
        app.users.by_id(token.user())
    )?;
    let (Some(stored), Some(user)) = (stored.item(), user) else {
        return Err(INVALID_TOKEN);
    };
    if !stored.accepts(&token.hash(), &user.address_binding(), now) {
        return Err(INVALID_TOKEN);
    }
    let consumed = app.transient.consume_token(user.id, stored, now)?;
    if !app.users.confirm_email(&user, consumed).await? {
        return Err(INVALID_TOKEN);
    }
    audit::account_changed(user.id, &app.source(request), Change::EmailConfirmed);
    http::detail(StatusCode::OK, "The e-mail address has been confirmed.")
}

async fn resend(app: &App, request: &Request) -> Result<Response, Error> {
    let user = app.authenticate(request).await?.user;
    if user.email_verified {
        return Err(Error::AlreadyVerified);
    }
    match app
        .outbox
        .request_confirmation(&user, app.clock.now())
        .await?
    {
        RequestOutcome::Queued => {
            let detail = "The confirmation link has been queued for e-mail delivery.";
            http::detail(StatusCode::OK, detail)
        }
        RequestOutcome::TooMany { retry_after } => Err(Error::TooManyRequests { retry_after }),
    }
}
