//! `POST /auth/signup`: makes a user and signs it in.

use std::collections::BTreeMap;

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    audit,
    auth::session_token,
    domain::{
        email::EmailAddress,
        name::Name,
        password::{self, NewPassword},
        user::{Change, Session, User, View},
        user_id::UserId,
        username::Username,
    },
    http::{self, Error, FieldError, Fields, Response, SessionResponse},
    lambda::WarmUp,
    store::users::Created,
};

/// The new user is given a token.
pub const WARM_UP: WarmUp = WarmUp::SigningKey;

/// What may be done in an hour is counted by source address under this name.
const LIMIT: &str = "sign_up";

/// Ids to draw before giving up: with a million users, one in nine thousand million is taken.
const ID_DRAWS: u32 = 3;

struct Body {
    username: Username,
    email: EmailAddress,
    password: NewPassword,
    first_name: Name,
    last_name: Name,
}

impl Body {
    fn read(fields: &mut Fields, policy: password::Policy) -> Option<Self> {
        let username = fields.required("username", Username::parse);
        let email = fields.required("email", EmailAddress::parse);
        let first_name = fields
            .optional("first_name", Name::parse)
            .unwrap_or_default();
        let last_name = fields
            .optional("last_name", Name::parse)
            .unwrap_or_default();
        let whole_name = format!("{} {}", first_name.as_str(), last_name.as_str());
        let own = [
            email.as_ref().map_or("", EmailAddress::canonical),
            username.as_ref().map_or("", Username::as_str),
            first_name.as_str(),
            last_name.as_str(),
            &whole_name,
        ];
        let password = fields.required("password", |text| {
            NewPassword::parse_for(text, &policy, &own)
        });
        Some(Self {
            username: username?,
            email: email?,
            password: password?,
            first_name,
            last_name,
        })
    }
}

/// The key is loaded first, so that nobody is signed up who cannot be given a token.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let body = http::body(&request, |fields| {
        Body::read(fields, app.settings.password_policy)
    })?;
    app.limit_source(&request, LIMIT, |limits| limits.sign_ups)
        .await?;
    let key = app.signer.key().await?;
    let now = app.clock.now();
    let session = Session::start(
        1,
        now,
        app.settings.session_lifetime,
        http::user_agent(&request),
    );
    let mut user = User {
        id: UserId::from_random(app.random.bytes()),
        password: app.hasher.hash(&body.password, app.random.bytes())?,
        username: body.username,
        email: body.email,
        first_name: body.first_name,
        last_name: body.last_name,
        is_superuser: false,
        date_joined: now,
        record_version: 1,
        credentials_version: 1,
        password_version: 1,
        sessions: BTreeMap::new(),
        failed_attempts: None,
        last_write_id: app.users.new_write_id(),
    };
    for _ in 0..ID_DRAWS {
        let issued = session_token::issue(&key, &app.token_config, user.id, &session, &app.random)
            .map_err(Error::internal)?;
        user.sessions = BTreeMap::from([(issued.id, session.clone())]);
        match app.users.create(&user).await? {
            Created::Done => {
                audit::record_user(user.id);
                audit::account_changed(user.id, &app.source(&request), Change::SignedUp);
                let body = SessionResponse {
                    token: &issued.token,
                    user: View::from(&user),
                };
                return http::json(StatusCode::CREATED, &body);
            }
            Created::Taken {
                email: false,
                username: false,
                ..
            } => user.id = UserId::from_random(app.random.bytes()),
            Created::Taken {
                email, username, ..
            } => return Err(taken(email, username)),
        }
    }
    Err(Error::internal(
        "every generated user id was already in use",
    ))
}

fn taken(email: bool, username: bool) -> Error {
    let fields = [("username", username), ("email", email)]
        .into_iter()
        .filter(|(_, taken)| *taken);
    Error::Invalid(fields.map(|(field, _)| FieldError::taken(field)).collect())
}
