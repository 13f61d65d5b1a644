//! `PATCH /api/users/update_details`: changes the caller's own record, on proof of the current password.

use std::collections::BTreeMap;

use lambda_http::{Request, http::StatusCode};
use serde_json::json;
use shared::{
    app::{App, CURRENT_PASSWORD, Caller},
    email::Email,
    http::{self, Error, FieldError, Fields, Reason, Response},
    lambda::Opening,
    mail::Kind,
    name::Name,
    password::{Attempt, Hash, Password, Policy},
    user::{User, View},
    users::Changed,
};

/// A token is checked first.
pub const OPENING: Opening = Opening::PublicKeys;

/// Times that a change which another one overtook is begun.
const TRIES: u32 = 2;

struct Body {
    current_password: Attempt,
    email: Option<Email>,
    first_name: Option<Name>,
    last_name: Option<Name>,
    password: Option<Password>,
    is_superuser: Option<bool>,
}

impl Body {
    fn read(fields: &mut Fields, user: &User, policy: Policy) -> Option<Self> {
        let nothing = !CHANGEABLE.iter().any(|field| fields.has(field));
        let current_password = fields.required(CURRENT_PASSWORD, Attempt::parse);
        let email = fields.optional("email", Email::parse);
        let first_name = fields.optional("first_name", Name::parse);
        let last_name = fields.optional("last_name", Name::parse);
        let password = fields.optional("password", |text| Password::parse(text, &policy));
        let is_superuser = fields.flag("is_superuser");
        fields.read_only("id", &json!(user.id));
        fields.read_only("username", &json!(user.username.as_str()));
        fields.read_only("date_joined", &json!(user.date_joined.to_string()));
        if nothing {
            fields.fault(
                "",
                Reason::new("nothing_to_change", "there is nothing to change"),
            );
        }
        let current_password = current_password?;
        let body = Self {
            current_password,
            email,
            first_name,
            last_name,
            password,
            is_superuser,
        };
        if let Err(error) = body.check_password_not_about(user) {
            fields.fault("password", error);
        }
        Some(body)
    }

    /// Neither of what the user is called now nor of what it will be.
    fn check_password_not_about(&self, user: &User) -> Result<(), shared::password::Error> {
        let Some(password) = &self.password else {
            return Ok(());
        };
        let mut words = user.own_words().to_vec();
        words.extend(self.email.as_ref().map(Email::canonical));
        words.extend(self.first_name.as_ref().map(Name::as_str));
        words.extend(self.last_name.as_ref().map(Name::as_str));
        password.check_not_about(&words)
    }
}

const CHANGEABLE: [&str; 5] = [
    "email",
    "first_name",
    "last_name",
    "password",
    "is_superuser",
];

/// One request is one atomic change: all of it, with the mails that tell of it, or nothing.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    for _ in 0..TRIES {
        let Caller { user, session } = app.caller(&request).await?;
        let body = http::body(&request, |fields| {
            Body::read(fields, &user, app.settings.password_policy)
        })?;
        if body
            .is_superuser
            .is_some_and(|wanted| wanted != user.is_superuser)
            && !user.is_superuser
        {
            return Err(Error::Forbidden);
        }
        app.check_current_password(&user, &body.current_password)
            .await?;
        let password = new_hash(app, &user, body.password.as_ref())?;
        let Some((after, notices)) = changed(app, &user, body, password, &session) else {
            return http::json(StatusCode::OK, &View::from(&user));
        };
        let notices = notices
            .into_iter()
            .map(|kind| app.outbox.notice(kind, &user, app.clock.now()));
        let notices = notices.collect::<Result<_, _>>()?;
        match app.users.change(&user, &after, &session, notices).await? {
            Changed::Done => return http::json(StatusCode::OK, &View::from(&after)),
            Changed::Gone => return Err(Error::NotAuthenticated),
            Changed::EmailTaken => return Err(Error::Invalid(vec![FieldError::taken("email")])),
            Changed::Raced => {}
        }
    }
    Err(Error::Conflict)
}

/// The hash of the new password, unless it is the present one.
fn new_hash(app: &App, user: &User, password: Option<&Password>) -> Result<Option<Hash>, Error> {
    let Some(password) = password else {
        return Ok(None);
    };
    if app.hasher.verify(password.as_attempt(), &user.password)? {
        return Ok(None);
    }
    Ok(Some(app.hasher.hash(password, app.random.bytes())?))
}

/// The record after the change and the notices that go to the address before it, unless nothing differs.
fn changed(
    app: &App,
    user: &User,
    body: Body,
    password: Option<Hash>,
    session: &shared::user::SessionId,
) -> Option<(User, Vec<Kind>)> {
    let mut after = user.clone();
    after.email = body.email.unwrap_or(after.email);
    after.first_name = body.first_name.unwrap_or(after.first_name);
    after.last_name = body.last_name.unwrap_or(after.last_name);
    after.is_superuser = body.is_superuser.unwrap_or(after.is_superuser);
    let new_password = password.is_some();
    let other_address = after.email.canonical() != user.email.canonical();
    if !new_password && after.has_same_details(user) {
        return None;
    }
    after.password = password.unwrap_or(after.password);
    after.version += 1;
    after.writer = app.users.write_name();
    if new_password || other_address {
        after.credentials += 1;
    }
    if new_password {
        after.sessions = BTreeMap::from_iter(
            user.sessions
                .get(session)
                .map(|mine| (session.clone(), mine.clone())),
        );
    }
    let kinds = [
        (new_password, Kind::PasswordChanged),
        (other_address, Kind::EmailChanged),
    ];
    Some((
        after,
        kinds
            .into_iter()
            .filter(|(told, _)| *told)
            .map(|(_, kind)| kind)
            .collect(),
    ))
}
