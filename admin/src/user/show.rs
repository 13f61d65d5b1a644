//! `user show`: what an operator needs to know about a user.

use serde_json::{Value, json};
use shared::domain::{
    clock::Timestamp,
    email::EmailAddress,
    locale::Locale,
    throttle::FailedAttempts,
    user::{FormerEmail, User},
};

use crate::{connection::Context, error::Error, report::Report, sessions, user_ref::UserRef};

pub(crate) async fn run(context: &Context, user: &UserRef) -> Result<Report, Error> {
    let user = user.require(context).await?;
    let now = context.clock.now()?;
    let details = Details::new(&user, now);
    Ok(Report::new(details.text(), details.json()))
}

/// The details of a user that are shown.
struct Details<'a> {
    user: &'a User,
    now: Timestamp,
    sessions: usize,
    reserved: Vec<&'a FormerEmail>,
}

impl<'a> Details<'a> {
    fn new(user: &'a User, now: Timestamp) -> Self {
        let sessions = user.sessions.values();
        let former = user.former_emails.iter();
        Self {
            user,
            now,
            sessions: sessions
                .filter(|session| sessions::is_live(session, now))
                .count(),
            reserved: former.filter(|former| former.is_live(now)).collect(),
        }
    }

    /// Returns the counters of wrong passwords that make the user wait, with the end of the wait.
    fn waits(&self) -> Vec<(&'static str, Timestamp)> {
        let wait = |attempts: Option<&FailedAttempts>| {
            attempts
                .map(|attempts| attempts.locked_until)
                .filter(|until| self.now < *until)
        };
        let log_in = wait(self.user.failed_log_ins.as_ref());
        let current = wait(self.user.failed_current_passwords.as_ref());
        [("log_in", log_in), ("current_password", current)]
            .into_iter()
            .filter_map(|(what, until)| Some((what, until?)))
            .collect()
    }

    fn text(&self) -> String {
        let user = self.user;
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let or_none = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let names = [user.first_name.as_str(), user.last_name.as_str()];
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let roles: Vec<_> = user.roles.names().collect();
        let reserved: Vec<_> = self
            .reserved
            .iter()
            .map(|former| format!("{} until {}", former.address().as_str(), former.until))
            .collect();
        let waits: Vec<_> = self
            .waits()
            .into_iter()
            .map(|(what, until)| match what {
                "log_in" => format!("log-in until {until}"),
                _ => format!("changes that need the password until {until}"),
            })
            .collect();
        let locale = user
            .locale
            .as_ref()
            .map(|locale| locale.as_str().to_owned());
        let disabled = user.disabled_at.map(|since| format!("since {since}"));
        let pending = user.pending_email.as_ref();
        let pending = pending.map(|pending| pending.as_str().to_owned());
        let rows = [
            ("id", user.id.to_string()),
            ("username", user.username.as_str().to_owned()),
            ("e-mail address", user.email.as_str().to_owned()),
            ("verified", yes(user.email_verified)),
            ("pending address", or_none(pending.unwrap_or_default())),
            ("name", or_none(names.join(" "))),
            ("language", or_none(locale.unwrap_or_default())),
            ("disabled", or_none(disabled.unwrap_or_default())),
            ("superuser", yes(user.is_superuser)),
            ("roles", or_none(roles.join(", "))),
            ("joined", user.date_joined.to_string()),
            ("sessions", self.sessions.to_string()),
            ("reserved addresses", or_none(reserved.join(", "))),
            ("must wait", or_none(waits.join(", "))),
        ];
        let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let lines = rows.map(|(label, value)| format!("{label:width$}  {value}"));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let user = self.user;
        let reserved: Vec<_> = self
            .reserved
            .iter()
            .map(|former| {
                json!({"email": former.address().as_str(), "until": former.until.to_string()})
            })
            .collect();
        let waits: serde_json::Map<_, _> = self
            .waits()
            .into_iter()
            .map(|(what, until)| (what.to_owned(), json!(until.to_string())))
            .collect();
        json!({
            "id": user.id,
            "username": user.username.as_str(),
            "email": user.email.as_str(),
            "email_verified": user.email_verified,
            "pending_email": user.pending_email.as_ref().map(EmailAddress::as_str),
            "first_name": user.first_name.as_str(),
            "last_name": user.last_name.as_str(),
            "locale": user.locale.as_ref().map(Locale::as_str),
            "disabled_at": user.disabled_at.map(|since| since.to_string()),
            "is_superuser": user.is_superuser,
            "roles": user.roles,
            "date_joined": user.date_joined.to_string(),
            "sessions": self.sessions,
            "reserved_emails": reserved,
            "waits_until": waits,
        })
    }
}
