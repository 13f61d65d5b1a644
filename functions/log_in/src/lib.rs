//! `POST /auth/login`: signs a user in by e-mail or username, and password.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::App,
    digest::sha256_hex,
    email::Email,
    http::{self, Error, Fields, Reason, Response},
    lambda::Opening,
    outcome,
    password::{Attempt, Hash},
    session::{self, SignedIn},
    user::{Session, User, View},
    username::Username,
    users::Started,
};

/// The user is given a token.
pub const OPENING: Opening = Opening::SigningKey;

/// Failures in an hour are counted by source address under this name.
const LIMIT: &str = "log_in";

/// Times that a log-in is begun which a change overtook. Each change is a request of the very user, so that five in a row are
/// no chance.
const TRIES: u32 = 5;

struct Body {
    name: Name,
    password: Attempt,
}

enum Name {
    Email(Email),
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
            fields.fault(
                "username",
                Reason::new("invalid", "give either this or email, not both"),
            );
        }
        let name = if fields.has("email") {
            // The second name, if there is one, is refused already: it is only taken out of the way.
            fields.skip("username");
            fields.required("email", Email::parse).map(Name::Email)
        } else {
            fields
                .required("username", Username::parse)
                .map(Name::Username)
        };
        let password = fields.required("password", Attempt::parse);
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
    for _ in 0..TRIES {
        let Some(user) = found else {
            refuse_unknown(app, &body).await?;
            return refuse(app, &request).await;
        };
        app.check_wait(user.failures.as_ref())?;
        let is_verified = verified.is_some_and(|hash| hash.as_str() == user.password.as_str());
        if !is_verified && !app.verify(&body.password, &user)? {
            app.count_failure(&user).await?;
            return refuse(app, &request).await;
        }
        if let Some(response) = sign_in(app, &request, &user, &body.password).await? {
            return Ok(response);
        }
        verified = Some(user.password);
        found = find(app, &body.name).await?;
    }
    Err(Error::unavailable("the user is changed again and again"))
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
    outcome::concerns(id);
    Ok(app.users.by_id(id).await?)
}

/// Counts and waits as for a user, and hashes as long.
async fn refuse_unknown(app: &App, body: &Body) -> Result<(), Error> {
    let name = sha256_hex(body.name.canonical().as_bytes());
    let failures = app.transient.unknown_name(&name).await?;
    app.check_wait(failures.as_ref())?;
    app.hasher.verify_dummy(&body.password);
    app.count_unknown_name(&name, failures).await
}

/// The answer, unless the record changed meanwhile.
async fn sign_in(
    app: &App,
    request: &Request,
    user: &User,
    password: &Attempt,
) -> Result<Option<Response>, Error> {
    let key = app.signer.key().await?;
    let session = Session::start(
        user.next_session_number(),
        app.clock.now(),
        app.settings.session_lifetime,
        http::user_agent(request),
    );
    let issued = session::issue(&key, &app.parties, user.id, &session, &app.random)
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
            let body = SignedIn {
                token: &issued.token,
                user: View::from(user),
            };
            http::json(StatusCode::OK, &body).map(Some)
        }
        Started::MustWait(failures) => app.check_wait(Some(&failures)).map(|()| None),
        Started::Raced => Ok(None),
        Started::Crowded => Err(Error::unavailable("too many others sign in as this user")),
    }
}
