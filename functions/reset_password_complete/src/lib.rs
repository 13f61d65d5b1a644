//! `POST` or `PATCH /api/passwords/reset_password_complete`: sets a new password by the token from a reset mail.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, LostRaces, SourceLimit},
    audit::{self, Metric},
    domain::{
        link_token::{CredentialsBinding, LinkToken},
        mail::Kind,
        password::{Hash, NewPassword, Policy},
        user::{Change, User},
    },
    http::{self, Error, Fields, Response},
    lambda::WarmUp,
    store::users::Reset,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The field with the token.
const TOKEN: &str = "reset_token";

/// The error of a token that is unknown, used, expired or replaced.
const INVALID_TOKEN: Error = Error::InvalidToken { field: TOKEN };

struct Body {
    new_password: NewPassword,
    reset_token: Result<LinkToken, Error>,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy) -> Option<Self> {
        let new_password = fields.new_password(&policy);
        let reset_token = fields.link_token(TOKEN);
        Some(Self {
            new_password: new_password?,
            reset_token: reset_token?,
        })
    }
}

/// Stores the new password and ends every session, by a reset token that is consumed. Only a valid token costs an Argon2 run, and the
/// transaction that consumes it checks it again.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::InvalidToken`] for a token that is malformed, unknown, used or expired; [`Error::TooManyRequests`] for a
/// source over its limit; [`Error::Unavailable`] also if the record kept changing.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let policy = app.settings.password_policy;
    let Body {
        new_password,
        reset_token,
    } = http::body(&request, |fields| Body::read(fields, policy))?;
    app.count_request(&request, SourceLimit::LinkUses).await?;
    let token = reset_token?;
    audit::record_user(token.user());
    let mut hash = None;
    let mut lost = LostRaces::default();
    let changes = loop {
        match reset(app, &token, &new_password, &mut hash).await? {
            Some(changes) => break changes,
            None => lost.count()?,
        }
    };
    Metric::ResetCompleted.count();
    audit::account_changed(token.user(), &app.source(&request), &changes);
    let detail = "The password has been changed. Log in with the new one.";
    http::detail(StatusCode::CREATED, detail)
}

/// Returns the changes; `None` if another request changed the record first. `hash` is the hash of the password, once an attempt has
/// computed it.
async fn reset(
    app: &App,
    token: &LinkToken,
    new_password: &NewPassword,
    hash: &mut Option<Hash>,
) -> Result<Option<Vec<Change>>, Error> {
    let now = app.clock.now();
    let (stored, user) = tokio::try_join!(
        app.transient.token::<CredentialsBinding>(token.user()),
        app.users.by_id(token.user())
    )?;
    let (Some(stored), Some(user)) = (stored.item(), user) else {
        return Err(INVALID_TOKEN);
    };
    if !stored.accepts(&token.hash(), &user.credentials_binding(), now) {
        return Err(INVALID_TOKEN);
    }
    new_password
        .check_not_personal(&user.personal_words())
        .map_err(|error| Error::field("new_password", error))?;
    let hash = match hash {
        Some(hash) => hash,
        None => hash.insert(app.hasher.hash(new_password, app.random.bytes())?),
    };
    // The link may have expired while the password was hashed.
    let written_at = app.clock.now();
    let consumed = app.transient.consume_token(user.id, stored, written_at)?;
    let mut changes = vec![Change::Reset];
    if !user.email_verified {
        changes.push(Change::EmailConfirmed);
    }
    if user.pending_email.is_some() {
        changes.push(Change::PendingEmailDiscarded);
    }
    // The token proves that its holder receives mail at the address.
    let user = User {
        email_verified: true,
        ..user
    };
    let mut others = vec![app.outbox.notice(Kind::PasswordChanged, &user, now)?];
    let version = user.next_version();
    others.extend(
        app.user_events
            .of_changes(&changes, user.id, version, now)?,
    );
    let reset = app.users.reset_password(&user, hash, consumed, others);
    match reset.await? {
        Reset::Done => Ok(Some(changes)),
        Reset::InvalidLink => Err(INVALID_TOKEN),
        Reset::Raced => Ok(None),
    }
}
