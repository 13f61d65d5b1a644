//! `POST` or `PATCH /api/passwords/reset_password_complete`: sets a new password by the token from a reset mail.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    audit::{self, Metric},
    domain::{
        mail::Kind,
        password::{NewPassword, Password, Policy},
        reset_token::{self, ResetToken},
        user::Change,
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
};

/// A user is read first.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// What may be tried in an hour is counted by source address under this name.
const LIMIT: &str = "reset_password_complete";

struct Body {
    new_password: NewPassword,
    reset_token: Result<ResetToken, reset_token::Error>,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy) -> Option<Self> {
        let mut typed = None;
        let new_password = fields.required("new_password", |text| {
            typed = Password::parse(text).ok();
            NewPassword::parse(text, &policy)
        });
        fields.required("password_confirmation", |text| match typed {
            Some(typed) if !typed.is_same_as(text) => {
                Err(Violation::new("mismatch", "does not match new_password"))
            }
            _ => Ok(()),
        });
        // A text of any other shape is a token that is not known: it gets that answer, once all else is in order.
        let reset_token = fields.required("reset_token", |text| {
            Ok::<_, Violation>(ResetToken::parse(text))
        });
        Some(Self {
            new_password: new_password?,
            reset_token: reset_token?,
        })
    }
}

/// Only a good token costs an Argon2 run, and the transaction that uses it up checks it once more.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let body = http::body(&request, |fields| {
        Body::read(fields, app.settings.password_policy)
    })?;
    app.limit_source(&request, LIMIT, |limits| limits.completions)
        .await?;
    let token = body.reset_token?;
    audit::record_user(token.user());
    let now = app.clock.now();
    let (last_sent, user) = tokio::try_join!(
        app.transient.reset_token(token.user()),
        app.users.by_id(token.user())
    )?;
    let (Some(sent), Some(user)) = (last_sent.item(), user) else {
        return Err(reset_token::Error.into());
    };
    if !sent.accepts(&token.hash(), user.credentials_version, now) {
        return Err(reset_token::Error.into());
    }
    let own = user.personal_words();
    let similar = body
        .new_password
        .check_not_about(&own.each_ref().map(String::as_str));
    similar.map_err(|error| Error::field("new_password", error))?;
    let hash = app.hasher.hash(&body.new_password, app.random.bytes())?;
    let use_up = app.transient.consume_reset_token(user.id, sent, now)?;
    let notice = app.outbox.notice(Kind::PasswordChanged, &user, now)?;
    if app
        .users
        .reset_password(&user, &hash, use_up, notice)
        .await?
    {
        Metric::ResetCompleted.count();
        audit::account_changed(user.id, &app.source(&request), Change::Reset);
        http::detail(
            StatusCode::CREATED,
            "The password has been changed. Log in with the new one.",
        )
    } else {
        Err(reset_token::Error.into())
    }
}
