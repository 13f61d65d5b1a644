//! `PATCH /api/users/update_details`: changes the caller's own record, on proof of the current password.

use lambda_http::{Request, http::StatusCode};
use shared::{
    app::{
        App, Attempt, CURRENT_PASSWORD, Caller, Candidate, CountedRequest, LostAttempts,
        SourceLimit,
    },
    audit,
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        locale::Locale,
        name::Name,
        password::{NewPassword, Password, Policy},
        user::{Change, SessionId, User, UserUpdate, View},
    },
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
    store::users::Changed,
};

/// Loads the public keys.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

struct Body {
    current_password: Password,
    update: UserUpdate,
}

const CHANGEABLE: [&str; 6] = [
    "email",
    "first_name",
    "last_name",
    "locale",
    "password",
    "is_superuser",
];

impl Body {
    fn read(fields: &mut Fields, user: &User, policy: Policy) -> Option<Self> {
        // A user as read may be sent back: then the current address does not withdraw the pending one.
        let keeps_pending_email = fields.has("pending_email");
        let is_empty = !CHANGEABLE.iter().any(|field| fields.has(field));
        let current_password = fields.required(CURRENT_PASSWORD, Password::parse);
        // The current values are accepted whatever the rules say by now: they change nothing.
        let email = fields.optional("email", |text| {
            let mut current = [Some(&user.email), user.pending_email.as_ref()]
                .into_iter()
                .flatten();
            match current.find(|current| current.as_str() == text.trim_ascii()) {
                Some(current) => Ok(current.clone()),
                None => EmailAddress::parse(text),
            }
        });
        let name = |current: &Name, text: &str| match current {
            current if current.as_str() == text => Ok(current.clone()),
            _ => Name::parse(text),
        };
        let first_name = fields.optional("first_name", |text| name(&user.first_name, text));
        let last_name = fields.optional("last_name", |text| name(&user.last_name, text));
        let locale = fields.optional("locale", |text| match &user.locale {
            Some(current) if current.as_str() == text => Ok(current.clone()),
            _ => Locale::parse(text),
        });
        let first = first_name.as_ref().unwrap_or(&user.first_name);
        let last = last_name.as_ref().unwrap_or(&user.last_name);
        let mut words = user.personal_words().with_names(first, last);
        if let Some(email) = &email {
            words = words.with_email(email);
        }
        let password = fields.optional("password", |text| match &current_password {
            // The current password is no change, whatever the policy for new ones says by now.
            Some(current) if current.is_same_as(text) => Ok(None),
            _ => NewPassword::parse_for(text, &policy, &words).map(Some),
        });
        let is_superuser = fields.boolean("is_superuser");
        fields.read_only_number("id", user.id.number());
        fields.read_only("username", |text| user.username.is_same_as(text));
        fields.read_only_boolean("email_verified", user.email_verified);
        fields.read_only("pending_email", |text| {
            let pending = user.pending_email.as_ref();
            pending.is_some_and(|pending| pending.as_str() == text)
        });
        fields.read_only("date_joined", |text| user.date_joined.is_written_as(text));
        if is_empty {
            let message = "no field to change was given";
            fields.error("", Violation::new("nothing_to_change", message));
        }
        Some(Self {
            current_password: current_password?,
            update: UserUpdate {
                email,
                keeps_pending_email,
                first_name,
                last_name,
                locale,
                password: password.flatten(),
                is_superuser,
            },
        })
    }
}

/// The results of one attempt that the next one uses.
#[derive(Default)]
struct Progress {
    /// The current password, verified.
    candidate: Option<Candidate>,
    count: Count,
}

/// Whether the request counts against its source, as one for another address.
#[derive(Default)]
enum Count {
    /// It asks for no other address.
    #[default]
    None,
    /// It is counted until it is known whether the address is taken. `None` inside: there is no such limit, or no counter could be
    /// reached.
    Provisional(Option<CountedRequest>),
    /// It stays counted.
    Final,
}

impl Progress {
    /// Counts the request before it is known whether the address is taken, once, so that concurrent requests learn no more than the limit
    /// allows.
    async fn count_address(&mut self, app: &App, request: &Request) -> Result<(), Error> {
        if matches!(self.count, Count::None) {
            let counted = app.count_request(request, SourceLimit::TakenAddresses);
            self.count = Count::Provisional(counted.await?);
        }
        Ok(())
    }
}

/// Changes the caller's own record and responds with it. One request is one atomic change: all of it, with the mails and events that report
/// it, or nothing.
///
/// # Errors
/// [`Error::Invalid`], also for a wrong current password and an address that is taken; [`Error::Forbidden`] for a field that only a superuser
/// may change; [`Error::Conflict`] after repeated conflicts; [`Error::TooManyRequests`] for an account or a source over a limit.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let mut progress = Progress::default();
    let response = change(app, &request, &mut progress).await;
    if let Count::Provisional(counted) = progress.count {
        app.take_back(counted).await;
    }
    response
}

async fn change(app: &App, request: &Request, progress: &mut Progress) -> Result<Response, Error> {
    let mut lost = LostAttempts::default();
    loop {
        match attempt(app, request, progress).await? {
            Attempt::Done(response) => return Ok(response),
            Attempt::Lost(contention) => lost.count(contention)?,
        }
    }
}

async fn attempt(
    app: &App,
    request: &Request,
    progress: &mut Progress,
) -> Result<Attempt<Response>, Error> {
    let Caller { user, session } = app.authenticate(request).await?;
    let policy = app.settings.password_policy;
    let Body {
        current_password,
        update,
    } = http::body(request, |fields| Body::read(fields, &user, policy))?;
    let now = app.clock.now();
    check_allowed(app, &user, &update, now)?;
    if user.would_change_address(&update, app.settings.address_rules()) {
        progress.count_address(app, request).await?;
    }
    let candidate = progress
        .candidate
        .get_or_insert_with(|| Candidate::new(current_password));
    if let Attempt::Lost(contention) = app.verify_current_password(&user, candidate).await? {
        return Ok(Attempt::Lost(contention));
    }
    let hash = |new: &NewPassword| app.hasher.hash(new, app.random.bytes());
    let new_hash = update.password.as_ref().map(hash).transpose()?;
    let applied = user.apply(
        update,
        new_hash,
        &session,
        app.users.new_write_id(),
        now,
        app.settings.address_rules(),
    );
    let (outcome, after, changes) = if let Some((after, changes)) = applied {
        let outcome = write(app, &user, &after, &session, &changes, now).await?;
        (outcome, after, changes)
    } else {
        let confirmed = app.users.confirm_password(&user, &session, now).await?;
        (confirmed, user, Vec::new())
    };
    if matches!(outcome, Changed::EmailTaken) {
        progress.count = Count::Final;
    }
    match app.attempted(outcome)? {
        Attempt::Done(()) => respond(app, request, &after, &changes).map(Attempt::Done),
        Attempt::Lost(contention) => Ok(Attempt::Lost(contention)),
    }
}

/// Rejects a change that the user may not make, or not so soon.
fn check_allowed(app: &App, user: &User, update: &UserUpdate, now: Timestamp) -> Result<(), Error> {
    if update.is_superuser == Some(true) && !user.is_superuser {
        return Err(Error::Forbidden);
    }
    let (rules, limits) = (app.settings.address_rules(), &app.settings.limits);
    if let Some(retry_after) = user.time_over_change_limit(update, rules, limits, now) {
        return Err(Error::TooManyRequests { retry_after });
    }
    Ok(())
}

/// Stores the record with all mails and events that report the change.
async fn write(
    app: &App,
    before: &User,
    after: &User,
    session: &SessionId,
    changes: &[Change],
    now: Timestamp,
) -> Result<Changed, Error> {
    if let Some(pending) = &after.pending_email
        && changes.contains(&Change::EmailRequested)
        && !app.users.is_address_free(pending, before.id, now).await?
    {
        // Only a write shows that no more wrong passwords were given in the meantime than the limit allows.
        return Ok(
            match app.users.confirm_password(before, session, now).await? {
                Changed::Done => Changed::EmailTaken,
                outcome => outcome,
            },
        );
    }
    if changes.contains(&Change::Email) {
        app.users.release_expired_addresses(before, now).await?;
    }
    let mut others = app.outbox.notices(changes, before, now)?;
    if changes.contains(&Change::Email) || changes.contains(&Change::EmailRequested) {
        others.extend(app.outbox.confirmation_of_change(after, now).await?);
    }
    let version = after.record_version;
    others.extend(
        app.user_events
            .of_changes(changes, after.id, version, now)?,
    );
    let written = app.users.change(before, after, session, now, others);
    Ok(written.await?)
}

fn respond(
    app: &App,
    request: &Request,
    after: &User,
    changes: &[Change],
) -> Result<Response, Error> {
    audit::account_changed(after.id, &app.source(request), changes);
    http::json(StatusCode::OK, &View::from(after))
}
