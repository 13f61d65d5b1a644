//! `PATCH /api/users/update_details`: changes the caller's own record, on proof of the current password.

use lambda_http::{Request, http::StatusCode};
use serde_json::json;
use shared::{
    app::{App, CURRENT_PASSWORD, Caller},
    email::Email,
    http::{self, Error, FieldError, Fields, Reason, Response},
    lambda::Opening,
    mail::Kind,
    name::Name,
    outcome,
    password::{Attempt, Password, Policy},
    user::{User, View, Wish},
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

    /// The present password given as the new one is no change.
    fn into_wish(self, app: &App, user: &User) -> Result<Wish, Error> {
        let password = match &self.password {
            Some(new) if app.hasher.verify(new.as_attempt(), &user.password)? => None,
            Some(new) => Some(app.hasher.hash(new, app.random.bytes())?),
            None => None,
        };
        let Self {
            email,
            first_name,
            last_name,
            is_superuser,
            ..
        } = self;
        Ok(Wish {
            email,
            first_name,
            last_name,
            password,
            is_superuser,
        })
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
        let policy = app.settings.password_policy;
        let body = http::body(&request, |fields| Body::read(fields, &user, policy))?;
        if body
            .is_superuser
            .is_some_and(|wanted| wanted && !user.is_superuser)
        {
            return Err(Error::Forbidden);
        }
        app.check_current_password(&user, &body.current_password)
            .await?;
        let wish = body.into_wish(app, &user)?;
        let Some((after, changes)) = user.grant(wish, &session, app.users.write_name()) else {
            return http::json(StatusCode::OK, &View::from(&user));
        };
        // To the address before the change: if it was somebody else's doing, that is the user's.
        let notices = changes.iter().filter_map(|change| Kind::notice_of(*change));
        let notices = notices.map(|kind| app.outbox.notice(kind, &user, app.clock.now()));
        match app
            .users
            .change(&user, &after, &session, notices.collect::<Result<_, _>>()?)
            .await?
        {
            Changed::Done => {
                let source = app.source(&request);
                for change in changes {
                    outcome::audit(user.id, &source, change);
                }
                return http::json(StatusCode::OK, &View::from(&after));
            }
            Changed::Gone => return Err(Error::NotAuthenticated),
            Changed::EmailTaken => return Err(Error::Invalid(vec![FieldError::taken("email")])),
            Changed::Raced => {}
        }
    }
    Err(Error::Conflict)
}
