//! `POST /auth/confirm_email`: marks the address as verified, by the token from a confirmation mail. If the mail went to a
//! pending address, that address replaces the present one.
//! `POST /auth/confirm_email/resend`: queues another confirmation mail to the caller, at the pending
//! address if there is one.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, LostRaces, SourceLimit},
    audit,
    domain::{
        link_token::{AddressBinding, LinkToken, StoredToken},
        user::{Change, User},
    },
    http::{self, Error, Response},
    lambda::WarmUp,
    store::{outbox::RequestOutcome, users::Confirmed},
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The field with the token.
const TOKEN: &str = "key";

/// The error of a token that is unknown, used, expired or replaced.
const INVALID_TOKEN: Error = Error::InvalidToken { field: TOKEN };

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
    let key = http::body(request, |fields| fields.link_token(TOKEN))?;
    app.count_request(request, SourceLimit::LinkUses).await?;
    let token = key?;
    audit::record_user(token.user());
    let mut lost = LostRaces::default();
    let used = loop {
        match attempt(app, &token).await? {
            Some(used) => break used,
            None => lost.count()?,
        }
    };
    let log = |changes| audit::account_changed(token.user(), &app.source(request), changes);
    match used {
        Used::Confirmed(changes) => {
            log(changes);
            http::detail(StatusCode::OK, "The e-mail address has been confirmed.")
        }
        Used::Discarded => {
            log(DISCARDED);
            Err(INVALID_TOKEN)
        }
    }
}

/// What a valid link has done.
enum Used {
    /// The address is confirmed, by these changes.
    Confirmed(&'static [Change]),
    /// The pending address belonged to another account, and was discarded.
    Discarded,
}

/// The change that discards a pending address.
const DISCARDED: &[Change] = &[Change::PendingEmailDiscarded];

/// Returns `None` if another request changed the record first.
async fn attempt(app: &App, token: &LinkToken) -> Result<Option<Used>, Error> {
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
    let version = user.next_version();
    let events = app.user_events.of_changes(changes, user.id, version, now)?;
    match app.users.confirm_email(&user, consumed, events).await? {
        Confirmed::Done => Ok(Some(Used::Confirmed(changes))),
        Confirmed::Raced => Ok(None),
        Confirmed::InvalidLink | Confirmed::EmailTaken => Err(INVALID_TOKEN),
    }
}

/// Moves the account to its pending address. If another account has it by now, the pending address is discarded. Returns `None` if
/// another request changed the record first.
async fn confirm_pending(
    app: &App,
    user: User,
    stored: &StoredToken<AddressBinding>,
) -> Result<Option<Used>, Error> {
    let now = app.clock.now();
    let rules = app.settings.address_rules();
    let after = user.with_pending_email_confirmed(rules, app.users.new_write_id(), now);
    let after = after.ok_or(INVALID_TOKEN)?;
    app.users.release_expired_addresses(&user, now).await?;
    let changes = &[Change::Email, Change::EmailConfirmed];
    let version = after.record_version;
    let mut others = app.outbox.notices(changes, &user, now)?;
    others.extend(app.user_events.of_changes(changes, user.id, version, now)?);
    let written_at = app.clock.now();
    let consumed = app.transient.consume_token(user.id, stored, written_at)?;
    let confirmed = app
        .users
        .confirm_pending_email(&user, &after, consumed, others, now);
    match confirmed.await? {
        Confirmed::Done => Ok(Some(Used::Confirmed(changes))),
        Confirmed::InvalidLink => Err(INVALID_TOKEN),
        Confirmed::Raced => Ok(None),
        Confirmed::EmailTaken => discard_pending(app, &user, stored).await,
    }
}

/// Discards the pending address, and with it the link. Returns `None` if another request changed the record first.
async fn discard_pending(
    app: &App,
    user: &User,
    stored: &StoredToken<AddressBinding>,
) -> Result<Option<Used>, Error> {
    let now = app.clock.now();
    let consumed = app.transient.consume_token(user.id, stored, now)?;
    let version = user.next_version();
    let events = app
        .user_events
        .of_changes(DISCARDED, user.id, version, now)?;
    let discarded = app.users.discard_pending_email(user, consumed, events);
    Ok(discarded.await?.then_some(Used::Discarded))
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
