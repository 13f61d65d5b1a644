//! `POST /auth/revert_email`: takes an account back to a former address, by the token in the notice of the change.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, LostRaces, SourceLimit},
    audit,
    domain::{
        link_token::LinkToken,
        mail::Kind,
        password::{Hash, NewPassword, Policy},
        user::{Change, StoredRevertToken, User},
    },
    http::{self, Error, Fields, Response},
    lambda::WarmUp,
    store::users::Reverted,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The field with the token.
const TOKEN: &str = "key";

/// The error of a token that is unknown, used or expired.
const INVALID_TOKEN: Error = Error::InvalidToken { field: TOKEN };

const CHANGES: &[Change] = &[Change::Reverted];

struct Body {
    key: Result<LinkToken, Error>,
    new_password: NewPassword,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy) -> Option<Self> {
        let new_password = fields.new_password(&policy);
        let key = fields.link_token(TOKEN);
        Some(Self {
            key: key?,
            new_password: new_password?,
        })
    }
}

/// Takes the account back to a former address with a new password, and ends every session. Only a valid token costs an Argon2 run, and the
/// transaction that consumes it is conditional on the record with the former address.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::InvalidToken`] for a token that is malformed, unknown, used or expired; [`Error::TooManyRequests`] for a
/// source over its limit; [`Error::Unavailable`] also if the record kept changing.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let policy = app.settings.password_policy;
    let Body { key, new_password } = http::body(&request, |fields| Body::read(fields, policy))?;
    app.count_request(&request, SourceLimit::LinkUses).await?;
    let token = key?;
    audit::record_user(token.user());
    let stored = app.transient.revert_token(&token).await?;
    let is_valid = |stored: &StoredRevertToken| stored.accepts(&token, app.clock.now());
    let stored = stored.filter(is_valid).ok_or(INVALID_TOKEN)?;
    let mut hash = None;
    let mut lost = LostRaces::default();
    loop {
        let user = app.users.by_id(token.user()).await?.ok_or(INVALID_TOKEN)?;
        match revert(app, &user, &stored, &new_password, &mut hash).await? {
            Reverted::Done => break,
            Reverted::Raced => lost.count()?,
        }
    }
    audit::account_changed(token.user(), &app.source(&request), CHANGES);
    let detail = "The account has its former address again. Log in with the new password.";
    http::detail(StatusCode::CREATED, detail)
}

/// `hash` is the hash of the password, once an attempt has computed it.
async fn revert(
    app: &App,
    user: &User,
    stored: &StoredRevertToken,
    new_password: &NewPassword,
    hash: &mut Option<Hash>,
) -> Result<Reverted, Error> {
    let now = app.clock.now();
    let former = user.former_email(stored.number, now).ok_or(INVALID_TOKEN)?;
    let words = user.personal_words().with_email(&former.address());
    new_password
        .check_not_personal(&words)
        .map_err(|error| Error::field("new_password", error))?;
    let hash = match hash {
        Some(hash) => hash,
        None => hash.insert(app.hasher.hash(new_password, app.random.bytes())?),
    };
    let after = user.reverted_to(former, hash.clone(), app.users.new_write_id(), now);
    app.users.release_expired_addresses(user, now).await?;
    let mut others = vec![
        app.transient.consume_revert_token(user.id, stored),
        app.outbox.notice(Kind::PasswordChanged, &after, now)?,
    ];
    let version = after.record_version;
    others.extend(app.user_events.of_changes(CHANGES, user.id, version, now)?);
    Ok(app.users.revert_email(user, &after, others, now).await?)
}
