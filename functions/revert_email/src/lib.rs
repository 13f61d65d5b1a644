//! `POST /auth/revert_email`: takes an account back to a former address, by the token in the notice of the change.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit,
    domain::{
        link_token::{self, LinkToken},
        mail::Kind,
        password::{NewPassword, Policy},
        user::{Change, StoredRevertToken, User},
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
    store::users::Reverted,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The error of a token that is malformed, unknown, used or expired.
const INVALID_TOKEN: Error = Error::InvalidToken { field: "key" };

/// Maximum attempts when another request changes the record first: a thief in the account must not keep its owner out.
const MAX_ATTEMPTS: u32 = 5;

struct Body {
    key: Result<LinkToken, link_token::Error>,
    new_password: NewPassword,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy) -> Option<Self> {
        let new_password = fields.new_password(&policy);
        // A malformed token is rejected like an unknown one, after all other fields were validated.
        let key = fields.required("key", |text| Ok::<_, Violation>(LinkToken::parse(text)));
        Some(Self {
            key: key?,
            new_password: new_password?,
        })
    }
}

/// Takes the account back to a former address with a new password, and ends every session. Only a valid token costs an Argon2 run. The transaction that consumes it is conditional on the record with the former address.
///
/// # Errors
/// [`Error::Invalid`], also for a token that is unknown, used or expired; [`Error::TooManyRequests`] for a source over its limit.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let policy = app.settings.password_policy;
    let Body { key, new_password } = http::body(&request, |fields| Body::read(fields, policy))?;
    app.count_request(&request, SourceLimit::LinkUses).await?;
    let token = key.map_err(|_| INVALID_TOKEN)?;
    audit::record_user(token.user());
    let stored = app.transient.revert_token(&token).await?;
    let is_valid = |stored: &StoredRevertToken| stored.accepts(&token, app.clock.now());
    let stored = stored.filter(is_valid).ok_or(INVALID_TOKEN)?;
    for _ in 0..MAX_ATTEMPTS {
        let user = app.users.by_id(token.user()).await?.ok_or(INVALID_TOKEN)?;
        if revert(app, &user, &stored, &new_password).await? == Reverted::Done {
            audit::account_changed(user.id, &app.source(&request), Change::Reverted);
            let detail = "The account has its former address again. Log in with the new password.";
            return http::detail(StatusCode::CREATED, detail);
        }
    }
    Err(Error::unavailable(
        "the user record kept changing during the reversion",
    ))
}

async fn revert(
    app: &App,
    user: &User,
    stored: &StoredRevertToken,
    new_password: &NewPassword,
) -> Result<Reverted, Error> {
    let now = app.clock.now();
    let former = user.former_email(stored.number, now).ok_or(INVALID_TOKEN)?;
    let words = user.personal_words().with_email(&former.address());
    new_password
        .check_not_personal(&words)
        .map_err(|error| Error::field("new_password", error))?;
    let hash = app.hasher.hash(new_password, app.random.bytes())?;
    let after = user.reverted_to(former, hash, app.users.new_write_id(), now);
    app.users.release_expired_addresses(user, now).await?;
    let mut others = vec![
        app.transient.consume_revert_token(user.id, stored),
        app.outbox.notice(Kind::PasswordChanged, &after, now)?,
    ];
    let version = after.record_version;
    others.extend(
        app.user_events
            .of_changes(&[Change::Reverted], user.id, version, now)?,
    );
    let reverted = app.users.revert_email(user, &after, others, now);
    Ok(reverted.await?)
}
