//! `PATCH /api/users/update_details`: changes the caller's own record, on proof of the current password.

use lambda_http::{Request, http::StatusCode};
use serde_json::json;
use shared::{
    app::{App, CURRENT_PASSWORD, Caller},
    audit,
    domain::{
        email::EmailAddress,
        mail::Kind,
        name::Name,
        password::{NewPassword, Password, Policy},
        user::{User, UserUpdate, View},
    },
    http::{self, Error, FieldError, Fields, Response, Violation},
    lambda::WarmUp,
    store::users::Changed,
};

/// A token is checked first.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Times that a change which another one overtook is begun.
const MAX_ATTEMPTS: u32 = 2;

struct Body {
    current_password: Password,
    email: Option<EmailAddress>,
    first_name: Option<Name>,
    last_name: Option<Name>,
    password: Option<NewPassword>,
    is_superuser: Option<bool>,
}

impl Body {
    fn read(fields: &mut Fields, user: &User, policy: Policy) -> Option<Self> {
        let nothing = !CHANGEABLE.iter().any(|field| fields.has(field));
        let current_password = fields.required(CURRENT_PASSWORD, Password::parse);
        let email = fields.optional("email", EmailAddress::parse);
        let first_name = fields.optional("first_name", Name::parse);
        let last_name = fields.optional("last_name", Name::parse);
        let mut words = user.personal_words().to_vec();
        words.extend(email.as_ref().map(|email| email.canonical().to_owned()));
        let first = first_name.as_ref().unwrap_or(&user.first_name).as_str();
        let last = last_name.as_ref().unwrap_or(&user.last_name).as_str();
        words.extend([first.to_owned(), last.to_owned(), format!("{first} {last}")]);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let password = fields.optional("password", |text| match &current_password {
            // The present password is no change, whatever the rules for new ones say by now.
            Some(current) if current.is_same_as(text) => Ok(None),
            _ => NewPassword::parse_for(text, &policy, &words).map(Some),
        });
        let is_superuser = fields.boolean("is_superuser");
        fields.read_only("id", &json!(user.id));
        fields.read_only("username", &json!(user.username.as_str()));
        fields.read_only("date_joined", &json!(user.date_joined.to_string()));
        if nothing {
            fields.error(
                "",
                Violation::new("nothing_to_change", "no field to change was given"),
            );
        }
        let (current_password, password) = (current_password?, password.flatten());
        Some(Self {
            current_password,
            email,
            first_name,
            last_name,
            password,
            is_superuser,
        })
    }

    fn into_wish(self, app: &App) -> Result<UserUpdate, Error> {
        let hash = |new| app.hasher.hash(&new, app.random.bytes());
        let password = self.password.map(hash).transpose()?;
        let Self {
            email,
            first_name,
            last_name,
            is_superuser,
            ..
        } = self;
        Ok(UserUpdate {
            email,
            first_name,
            last_name,
            password,
            is_superuser,
        })
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
    for _ in 0..MAX_ATTEMPTS {
        let Caller { user, session } = app.authenticate(&request).await?;
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
        let wish = body.into_wish(app)?;
        let Some((after, changes)) = user.apply(wish, &session, app.users.new_write_id()) else {
            app.clear_failed_attempts(user.id).await?;
            return http::json(StatusCode::OK, &View::from(&user));
        };
        // To the address before the change: if it was somebody else's doing, that is the user's.
        let notices = changes.iter().filter_map(|change| Kind::notice_of(*change));
        let now = app.clock.now();
        let notices = notices.map(|kind| app.outbox.notice(kind, &user, now));
        let notices = notices.collect::<Result<_, _>>()?;
        match app
            .users
            .change(&user, &after, &session, now, notices)
            .await?
        {
            Changed::Done => {
                let source = app.source(&request);
                for change in changes {
                    audit::account_changed(user.id, &source, change);
                }
                return http::json(StatusCode::OK, &View::from(&after));
            }
            Changed::Gone => return Err(Error::NotAuthenticated),
            Changed::EmailTaken => return Err(Error::Invalid(vec![FieldError::taken("email")])),
            Changed::Throttled(failures) => app.check_throttle(Some(&failures))?,
            Changed::Raced => {}
        }
    }
    Err(Error::Conflict)
}
