//! `POST /auth/signup`: creates a user and starts the first session.

use std::collections::BTreeMap;

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{App, SourceLimit},
    audit,
    auth::session_token,
    domain::{
        email::EmailAddress,
        locale::Locale,
        name::Name,
        password::{NewPassword, PersonalWords, Policy},
        user::{Change, NewUser, Session, User},
        user_id::UserId,
        username::Username,
    },
    http::{self, Error, FieldError, Fields, Response},
    lambda::WarmUp,
    store::users::Created,
};

/// Loads the signing key.
pub const WARM_UP: WarmUp = WarmUp::SigningKey;

/// Maximum number of ids to draw. With a million users, one in nine thousand million is in use.
const MAX_ID_DRAWS: u32 = 3;

struct Body {
    new: NewUser,
    password: NewPassword,
}

impl Body {
    fn read(fields: &mut Fields, policy: Policy, accept_language: &str) -> Option<Self> {
        let username = fields.required("username", Username::parse);
        let email = fields.required("email", EmailAddress::parse);
        let first_name = fields.optional("first_name", Name::parse);
        let last_name = fields.optional("last_name", Name::parse);
        let (first_name, last_name) = (
            first_name.unwrap_or_default(),
            last_name.unwrap_or_default(),
        );
        let mut words = PersonalWords::default().with_names(&first_name, &last_name);
        if let Some(email) = &email {
            words = words.with_email(email);
        }
        if let Some(username) = &username {
            words = words.with_username(username);
        }
        let password = fields.required("password", |text| {
            NewPassword::parse_for(text, &policy, &words)
        });
        Some(Self {
            new: NewUser {
                username: username?,
                email: email?,
                first_name,
                last_name,
                locale: Locale::preferred(accept_language),
            },
            password: password?,
        })
    }
}

/// Creates a user and a first session, and responds with its token and the user. The key is loaded first, so that no user is created
/// who cannot be given a token.
///
/// # Errors
/// [`Error::Invalid`], also for a username or an address that is taken; [`Error::TooManyRequests`] for a source over its limit.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    app.check_origin(&request)?;
    let policy = app.settings.password_policy;
    let accept_language = http::accept_language(&request);
    let Body { new, password } = http::body(&request, |fields| {
        Body::read(fields, policy, accept_language)
    })?;
    app.count_request(&request, SourceLimit::SignUps).await?;
    let key = app.signer.key().await?;
    let now = app.clock.now();
    let lifetime = app.settings.session_lifetime;
    let session = Session::start(1, now, lifetime, http::user_agent(&request));
    let hash = app.hasher.hash(&password, app.random.bytes())?;
    let id = UserId::from_random(app.random.bytes());
    let mut user = User::new(id, new, hash, now, app.users.new_write_id());
    for _ in 0..MAX_ID_DRAWS {
        let issued = session_token::issue(&key, &app.token_config, user.id, &session, &app.random)
            .map_err(Error::internal)?;
        user.sessions = BTreeMap::from([(issued.id.clone(), session.clone())]);
        let signed_up = [Change::SignedUp];
        let version = user.record_version;
        let events = app
            .user_events
            .of_changes(&signed_up, user.id, version, now)?;
        let confirmation = app.outbox.first_confirmation(&user, now)?;
        let others = confirmation.into_iter().chain(events).collect();
        match app.users.create(&user, others).await? {
            Created::Done => {
                audit::record_user(user.id);
                audit::account_changed(user.id, &app.source(&request), &signed_up);
                return app.session_response(StatusCode::CREATED, &issued, &session, &user);
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
