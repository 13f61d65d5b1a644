//! `POST /auth/login`: starts a session by username or e-mail address, and password.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{Account, App, Candidate, LostRaces, SourceLimit},
    auth::session_token,
    domain::{
        email::{self, EmailAddress},
        lookup::Lookup,
        password::Password,
        user::{Session, User},
        username::{self, Username},
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
    store::users::Started,
};

/// Loads the signing key.
pub const WARM_UP: WarmUp = WarmUp::SigningKey;

struct Body {
    name: LogInName,
    password: Password,
}

enum LogInName {
    Email(Lookup<EmailAddress, email::Error>),
    Username(Lookup<Username, username::Error>),
}

impl LogInName {
    /// Returns the form that wrong passwords are counted under if no user has the name.
    fn canonical(&self) -> String {
        match self {
            Self::Email(email) => email.name.canonical().to_owned(),
            Self::Username(username) => username.name.canonical(),
        }
    }

    /// Returns true if this is a name of `user`. A username never changes.
    fn is_of(&self, user: &User) -> bool {
        match self {
            Self::Email(email) => email.name.canonical() == user.email.canonical(),
            Self::Username(_) => true,
        }
    }

    /// Returns the error of a name that no user has and that breaks today's rules.
    fn broken_rule(&self) -> Option<Error> {
        match self {
            Self::Email(email) => email.broken_rule.map(|error| Error::field("email", error)),
            Self::Username(username) => username
                .broken_rule
                .map(|error| Error::field("username", error)),
        }
    }
}

impl Body {
    fn read(fields: &mut Fields) -> Option<Self> {
        if fields.has("email") && fields.has("username") {
            let message = "give either username or email, not both";
            fields.error("username", Violation::new("invalid", message));
        }
        let name = if fields.has("email") {
            // A second name has been reported already.
            fields.skip("username");
            fields
                .lookup("email", EmailAddress::lookup)
                .map(LogInName::Email)
        } else {
            fields
                .lookup("username", Username::lookup)
                .map(LogInName::Username)
        };
        let password = fields.required("password", Password::parse);
        Some(Self {
            name: name?,
            password: password?,
        })
    }
}

/// Starts a session, and responds with its token and the user. An unknown name costs the same calls and the same time as a wrong
/// password, to prevent user enumeration.
///
/// # Errors
/// [`Error::InvalidCredentials`] for both; [`Error::EmailNotVerified`] after the right password, if a setting requires a verified address;
/// [`Error::TooManyRequests`] for an account or a source that is throttled.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    app.check_origin(&request)?;
    let Body { name, password } = http::body(&request, Body::read)?;
    let allowed = app.check_rate_limit(&request, SourceLimit::FailedLogIns);
    // The limit is first: if the source is known to be over the limit, the account is not read at all.
    let (source, mut account) = tokio::try_join!(allowed, find(app, &name))?;
    app.check_account(&account)?;
    // Counted before it is verified, so that no more guesses are verified at once than one after another. A right password
    // is taken back.
    let mut counted = app.count(source).await?;
    let mut candidate = Candidate::new(password);
    let mut lost = LostRaces::default();
    loop {
        let Some(user) = app.verify_log_in(account, &mut candidate).await? else {
            lost.count()?;
            account = find(app, &name).await?;
            continue;
        };
        if app.settings.require_verified_email && !user.email_verified {
            if app.users.note_right_password(&user).await? {
                app.take_back(counted).await;
                // Within the quota of such mails; the response does not tell whether there was one.
                app.outbox
                    .request_confirmation(&user, app.clock.now())
                    .await?;
                return Err(Error::EmailNotVerified);
            }
            lost.count()?;
            account = find(app, &name).await?;
            continue;
        }
        let started = start_session(app, &request, &user, candidate.password());
        let (started, ()) = tokio::join!(started, app.take_back(counted));
        if let Some(response) = started? {
            return Ok(response);
        }
        lost.count()?;
        // The password was right, and its count is taken back. If it was replaced meanwhile, it is a guess at another one.
        counted = app
            .count_request(&request, SourceLimit::FailedLogIns)
            .await?;
        account = find(app, &name).await?;
    }
}

async fn find(app: &App, name: &LogInName) -> Result<Account, Error> {
    let id = match name {
        LogInName::Email(email) => app.users.id_by_email(&email.name).await?,
        LogInName::Username(username) => app.users.id_by_username(&username.name).await?,
    };
    if let (None, Some(error)) = (id, name.broken_rule()) {
        return Err(error);
    }
    let account = app.account(id, &name.canonical()).await?;
    match &account {
        // The account has got another address since the marker was read.
        Account::Known(user) if !name.is_of(user) => app.account(None, &name.canonical()).await,
        _ => Ok(account),
    }
}

/// Returns `None` if the record changed in the meantime.
async fn start_session(
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
    let rehashed = if app.hasher.needs_rehash(&user.password) {
        Some(app.hasher.rehash(password, app.random.bytes())?)
    } else {
        None
    };
    let started = app
        .users
        .start_session(user, &issued.id, &session, rehashed.as_ref());
    match started.await? {
        Started::Done => app
            .session_response(StatusCode::OK, &issued, &session, user)
            .map(Some),
        Started::Throttled(attempts) => app.check_throttle(Some(&attempts)).map(|()| None),
        Started::Raced => Ok(None),
        Started::Contended => Err(Error::unavailable(
            "too many concurrent log-ins of this user",
        )),
    }
}
