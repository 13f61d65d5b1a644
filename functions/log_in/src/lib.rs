//! `POST /auth/login`: signs a user in by e-mail or username, and password.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    audit,
    auth::session_token,
    domain::{
        digest::sha256_hex,
        email::EmailAddress,
        password::{Hash, Password},
        user::{Session, User, View},
        username::Username,
    },
    http::{self, Error, Fields, Response, SessionResponse, Violation},
    lambda::WarmUp,
    store::users::Started,
};

/// The user is given a token.
pub const WARM_UP: WarmUp = WarmUp::SigningKey;

/// Failures in an hour are counted by source address under this name.
const LIMIT: &str = "log_in";

/// Times that a log-in is begun which a change overtook. Each change is a request of the very user, so that five in a row are
/// no chance.
const MAX_ATTEMPTS: u32 = 5;

struct Body {
    name: Name,
    password: Password,
}

enum Name {
    Email(EmailAddress),
    Username(Username),
}

impl Name {
    /// What wrong passwords are counted under if nobody has the name.
    fn canonical(&self) -> String {
        match self {
            Self::Email(email) => email.canonical().to_owned(),
            Self::Username(username) => username.canonical(),
        }
    }
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        if fields.has("email") && fields.has("username") {
            fields.error(
                "username",
                Violation::new("invalid", "give either username or email, not both"),
            );
        }
        let name = if fields.has("email") {
            // The second name, if there is one, is refused already: it is only taken out of the way.
            fields.skip("username");
            fields
                .required("email", EmailAddress::parse)
                .map(Name::Email)
        } else {
            fields
                .required("username", Username::parse)
                .map(Name::Username)
        };
        let password = fields.required("password", Password::parse);
        Some(Self {
            name: name?,
            password: password?,
        })
    }
}

/// A name that nobody has costs the same calls and the same time as a wrong password.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let body = http::body(&request, Body::read)?;
    let allowed = app.check_source(&request, LIMIT, |limits| limits.wrong_log_ins);
    let (mut found, ()) = tokio::try_join!(find(app, &body.name), allowed)?;
    let mut verified: Option<Hash> = None;
    for _ in 0..MAX_ATTEMPTS {
        let Some(user) = found else {
            refuse_unknown(app, &body).await?;
            return refuse(app, &request).await;
        };
        app.check_throttle(user.failed_attempts.as_ref())?;
        let is_verified = verified.is_some_and(|hash| hash.as_str() == user.password.as_str());
        if !is_verified && !app.verify(&body.password, &user)? {
            app.record_failed_attempt(&user).await?;
            return refuse(app, &request).await;
        }
        if let Some(response) = sign_in(app, &request, &user, &body.password).await? {
            return Ok(response);
        }
        verified = Some(user.password);
        found = find(app, &body.name).await?;
    }
    Err(Error::unavailable(
        "the user record kept changing during log-in",
    ))
}

/// Counts the failure by source, too.
async fn refuse(app: &App, request: &Request) -> Result<Response, Error> {
    app.limit_source(request, LIMIT, |limits| limits.wrong_log_ins)
        .await?;
    Err(Error::InvalidCredentials)
}

async fn find(app: &App, name: &Name) -> Result<Option<User>, Error> {
    let id = match name {
        Name::Email(email) => app.users.id_by_email(email).await?,
        Name::Username(username) => app.users.id_by_username(username).await?,
    };
    let Some(id) = id else { return Ok(None) };
    audit::record_user(id);
    Ok(app.users.by_id(id).await?)
}

/// Counts and waits as for a user, and hashes as long.
async fn refuse_unknown(app: &App, body: &Body) -> Result<(), Error> {
    let name = sha256_hex(body.name.canonical().as_bytes());
    let failures = app.transient.unknown_name(&name).await?;
    app.check_throttle(failures.as_ref())?;
    app.hasher.verify_dummy(&body.password);
    app.record_unknown_name(&name, failures).await
}

/// The answer, unless the record changed meanwhile.
async fn sign_in(
    app: &App,
    request: &Request,
    user: &User,
    password: &Password,
) -> Result<Option<Response>, Error> {
    let key = app.signer.key().await?;
    let session = Session::start(
        user.next_session_number(),
        app.clock.now(),
        app.settings.session_lifetime,
        http::user_agent(request),
    );
    let issued = session_token::issue(&key, &app.token_config, user.id, &session, &app.random)
        .map_err(Error::internal)?;
    let stronger = if app.hasher.needs_rehash(&user.password) {
        Some(app.hasher.rehash(password, app.random.bytes())?)
    } else {
        None
    };
    match app
        .users
        .start_session(user, &issued.id, &session, stronger.as_ref())
        .await?
    {
        Started::Done => {
            let body = SessionResponse {
                token: &issued.token,
                user: View::from(user),
            };
            http::json(StatusCode::OK, &body).map(Some)
        }
        Started::Throttled(failures) => app.check_throttle(Some(&failures)).map(|()| None),
        Started::Raced => Ok(None),
        Started::Contended => Err(Error::unavailable(
            "too many concurrent log-ins of this user",
        )),
    }
}
