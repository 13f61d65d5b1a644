//! `POST` or `PATCH /api/passwords/reset_password_complete`: sets a new password by the token from a reset mail.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit::{self, Metric},
    domain::{
        link_token::{self, CredentialsBinding, LinkToken},
        mail::Kind,
        password::{NewPassword, Policy},
        user::{Change, User},
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
};

/// Connects to the users table.
pub const WARM_UP: WarmUp = WarmUp::Users;

/// The error of a token that is malformed, unknown, used, expired or replaced.
const INVALID_TOKEN: Error = Error::InvalidToken {
    field: "reset_token",
};

struct Body {
    new_password: NewPassword,
    reset_token: Result<LinkToken, link_token::Error>,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy) -> Option<Self> {
        let new_password = fields.new_password(&policy);
        // A malformed token is rejected like an unknown one, after all other fields were validated.
        let reset_token = fields.required("reset_token", |text| {
            Ok::<_, Violation>(LinkToken::parse(text))
        });
        Some(Self {
            new_password: new_password?,
            reset_token: reset_token?,
        })
    }
}

/// Only a valid token costs an Argon2 run, and the transaction that consumes it checks it again.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let policy = app.settings.password_policy;
    let Body {
        new_password,
        reset_token,
    } = http::body(&request, |fields| Body::read(fields, policy))?;
    app.count_request(&request, SourceLimit::Completions)
        .await?;
    let token = reset_token.map_err(|_| INVALID_TOKEN)?;
    audit::record_user(token.user());
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
    let hash = app.hasher.hash(&new_password, app.random.bytes())?;
    let consumed = app.transient.consume_token(user.id, stored, now)?;
    // The token proves that its holder receives mail at the address.
    let user = User {
        email_verified: true,
        ..user
    };
    let notice = app.outbox.notice(Kind::PasswordChanged, &user, now)?;
    let reset = app.users.reset_password(&user, &hash, consumed, notice);
    if !reset.await? {
        return Err(INVALID_TOKEN);
    }
    Metric::ResetCompleted.count();
    audit::account_changed(user.id, &app.source(&request), Change::Reset);
    let detail = "The password has been changed. Log in with the new one.";
    http::detail(StatusCode::CREATED, detail)
}
