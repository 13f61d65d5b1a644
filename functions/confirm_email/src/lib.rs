//! `POST /auth/confirm_email`: marks the address as verified, by the token from a confirmation mail. If the mail went to a
//! pending address, that address replaces the present one.
//! `POST /auth/confirm_email/resend`: queues another confirmation mail to the caller, at the pending
//! address if there is one.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit,
    domain::{
        link_token::{self, AddressBinding, LinkToken, StoredToken},
        user::{Change, User},
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
    store::{outbox::RequestOutcome, users::Confirmed},
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The error of a token that is malformed, unknown, used, expired or replaced.
const INVALID_TOKEN: Error = Error::InvalidToken { field: "key" };

/// Maximum attempts when another request changes the record first.
const MAX_ATTEMPTS: u32 = 5;

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

/// Serves both routes: confirms the address that a link belongs to, or sends the link again.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    if http::route(&request).ends_with("/resend") {
        resend(app, &request).await
    } else {
        confirm(app, &request).await
    }
}

/// The transaction that changes the record checks the token, and the address that it was sent to, again.
async fn confirm(app: &App, request: &Request) -> Result<Response, Error> {
    let Body { key } = http::body(request, Body::read)?;
    app.count_request(request, SourceLimit::LinkUses).await?;
    let token = key.map_err(|_| INVALID_TOKEN)?;
    audit::record_user(token.user());
    for _ in 0..MAX_ATTEMPTS {
        let log = |change| audit::account_changed(token.user(), &app.source(request), change);
        match attempt(app, &token).await? {
            Confirmation::Done(changes) => {
                changes.iter().copied().for_each(log);
                return http::detail(StatusCode::OK, "The e-mail address has been confirmed.");
            }
            Confirmation::Discarded => {
                log(Change::PendingEmailDiscarded);
                return Err(INVALID_TOKEN);
            }
            Confirmation::Raced => {}
        }
    }
    Err(Error::unavailable(
        "the user record kept changing during the confirmation",
    ))
}

/// The outcome of one attempt.
enum Confirmation {
    /// The address is confirmed; carries the changes.
    Done(&'static [Change]),
    /// The pending address belongs to another account and was discarded.
    Discarded,
    /// Another request changed the record first.
    Raced,
}

async fn attempt(app: &App, token: &LinkToken) -> Result<Confirmation, Error> {
    let now = app.clock.now();
    let (stored, user) = tokio::try_join!(
        app.transient.token::<AddressBinding>(token.user()),
        app.users.by_id(token.user())
    )?;
    let (Some(stored), Some(user)) = (stored.item(), user) else {
        return Err(INVALID_TOKEN);
    };
    let is_valid_for = |binding: &_| stored.accepts(&token.hash(), binding, now);
    if user
        .pending_address_binding()
        .as_ref()
        .is_some_and(is_valid_for)
    {
        return confirm_pending(app, user, stored).await;
    }
    if !is_valid_for(&user.address_binding()) {
        return Err(INVALID_TOKEN);
    }
    let written_at = app.clock.now();
    let consumed = app.transient.consume_token(user.id, stored, written_at)?;
    let changes = &[Change::EmailConfirmed];
    let version = user.record_version + 1;
    let events = app.user_events.of_changes(changes, user.id, version, now)?;
    match app.users.confirm_email(&user, consumed, events).await? {
        Confirmed::Done => Ok(Confirmation::Done(changes)),
        Confirmed::Raced => Ok(Confirmation::Raced),
        Confirmed::InvalidLink | Confirmed::EmailTaken => Err(INVALID_TOKEN),
    }
}

/// Moves the account to its pending address. If another account has it by now, the pending address is discarded.
async fn confirm_pending(
    app: &App,
    user: User,
    stored: &StoredToken<AddressBinding>,
) -> Result<Confirmation, Error> {
    let now = app.clock.now();
    let rules = app.settings.address_rules();
    let after = user.with_pending_email_confirmed(rules, app.users.new_write_id(), now);
    let after = after.ok_or(INVALID_TOKEN)?;
    app.users.release_expired_addresses(&user, now).await?;
    let consume = || {
        let written_at = app.clock.now();
        app.transient.consume_token(user.id, stored, written_at)
    };
    let changes = &[Change::Email, Change::EmailConfirmed];
    let version = after.record_version;
    let events = |changes| app.user_events.of_changes(changes, user.id, version, now);
    let mut others = app.outbox.notices(changes, &user, now)?;
    others.extend(events(changes)?);
    let confirmed = app
        .users
        .confirm_pending_email(&user, &after, consume()?, others, now);
    match confirmed.await? {
        Confirmed::Done => Ok(Confirmation::Done(changes)),
        Confirmed::InvalidLink => Err(INVALID_TOKEN),
        Confirmed::Raced => Ok(Confirmation::Raced),
        Confirmed::EmailTaken => {
            let events = events(&[Change::PendingEmailDiscarded])?;
            let discarded = app.users.discard_pending_email(&user, consume()?, events);
            if discarded.await? {
                Ok(Confirmation::Discarded)
            } else {
                Ok(Confirmation::Raced)
            }
        }
    }
}

async fn resend(app: &App, request: &Request) -> Result<Response, Error> {
    let user = app.authenticate(request).await?.user;
    if user.email_verified && user.pending_email.is_none() {
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
