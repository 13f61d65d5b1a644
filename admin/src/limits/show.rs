//! `limits show`: the counters of a user or a source address, and how long each makes them wait.

use serde_json::{Value, json};
use shared::{
    domain::{
        clock::Timestamp, digest::sha256_hex, rate_limit::Window, throttle::FailedAttempts,
        user::User,
    },
    store::transient::MailKey,
};

use super::{LimitTarget, mails_with_link, names, of_source};
use crate::{
    connection::Context,
    error::Error,
    report::{Report, table},
    user_ref::UserRef,
};

/// A counter as the operator sees it.
pub(super) struct Row {
    /// The events that it counts, in the words of `limits clear`.
    pub(super) what: String,
    count: u32,
    /// The time until which no further event is allowed, whatever the limit.
    waits_until: Option<Timestamp>,
    /// The time at which the count starts anew.
    window_ends: Option<Timestamp>,
}

pub(crate) async fn show(context: &Context, target: &LimitTarget) -> Result<Report, Error> {
    let mut rows = match target {
        LimitTarget::Source(source) => of_source(context, source)
            .await?
            .into_iter()
            .map(|counter| Row::of_window(&counter.limit, &counter.window))
            .collect(),
        LimitTarget::User(user_ref) => of_user(context, user_ref).await?,
    };
    let now = context.clock.now()?;
    rows.retain(|row| row.is_live(now));
    let json: Vec<_> = rows.iter().map(Row::to_json).collect();
    let json = json!({ "counters": json });
    if rows.is_empty() {
        return Ok(Report::new("Nothing is counted.", json));
    }
    let cells: Vec<_> = rows.iter().map(|row| row.cells(now)).collect();
    let head = ["counted", "number", "waits until", "counted until"];
    Ok(Report::new(table(head, &cells), json))
}

async fn of_user(context: &Context, user_ref: &UserRef) -> Result<Vec<Row>, Error> {
    let user = user_ref.find(context).await?;
    let names = names(user_ref);
    if user.is_none() && names.is_empty() {
        return Err(Error::message(format!("no user has {user_ref}")));
    }
    let mut rows = Vec::new();
    if let Some(user) = &user {
        rows.extend(of_record(user));
        for (what, key) in mails_with_link(user.id) {
            let mail = context.transient.mail(&key).await?;
            let quota = mail.and_then(|mail| mail.used_quota(false));
            rows.extend(quota.map(|quota| Row {
                what: what.to_owned(),
                count: quota.count,
                waits_until: Some(quota.not_before),
                window_ends: Some(quota.window_ends),
            }));
        }
    }
    for name in names {
        let attempts = context
            .counters
            .unknown_name(&sha256_hex(name.as_bytes()))
            .await?;
        let what = "wrong passwords for an unknown name";
        rows.extend(attempts.map(|attempts| Row::of_attempts(what, &attempts)));
    }
    if let UserRef::Email(email) = user_ref {
        let mail = context
            .transient
            .mail(&MailKey::decoy(&email.hash()))
            .await?;
        let quota = mail.and_then(|mail| mail.used_quota(true));
        rows.extend(quota.map(|quota| Row {
            what: "reset mails to an unknown address".to_owned(),
            count: quota.count,
            waits_until: Some(quota.not_before),
            window_ends: Some(quota.window_ends),
        }));
    }
    Ok(rows)
}

/// Returns the counters in the user's record.
pub(super) fn of_record(user: &User) -> impl Iterator<Item = Row> {
    let attempts = [
        ("wrong passwords", &user.failed_log_ins),
        ("wrong current passwords", &user.failed_current_passwords),
    ];
    let windows = [
        ("changes of the address", &user.email_changes),
        ("changes of the password", &user.password_changes),
    ];
    let attempts = attempts
        .into_iter()
        .filter_map(|(what, attempts)| Some(Row::of_attempts(what, attempts.as_ref()?)));
    let windows = windows
        .into_iter()
        .filter_map(|(what, window)| Some(Row::of_window(what, window.as_ref()?)));
    attempts.chain(windows)
}

impl Row {
    fn of_attempts(what: &str, attempts: &FailedAttempts) -> Self {
        Self {
            what: what.to_owned(),
            count: attempts.count,
            waits_until: Some(attempts.locked_until),
            window_ends: None,
        }
    }

    fn of_window(what: &str, window: &Window) -> Self {
        Self {
            what: what.to_owned(),
            count: window.count,
            waits_until: None,
            window_ends: Some(window.ends_at),
        }
    }

    /// Returns true if the counter still has an effect.
    fn is_live(&self, now: Timestamp) -> bool {
        self.count > 0 && self.window_ends.is_none_or(|ends| now < ends)
    }

    fn cells(&self, now: Timestamp) -> [String; 4] {
        let instant = |instant: Option<Timestamp>| {
            let later = instant.filter(|instant| now < *instant);
            later.map_or_else(|| "-".to_owned(), |later| later.to_string())
        };
        [
            self.what.clone(),
            self.count.to_string(),
            instant(self.waits_until),
            instant(self.window_ends),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "counted": self.what,
            "number": self.count,
            "waits_until": self.waits_until.map(|instant| instant.to_string()),
            "counted_until": self.window_ends.map(|instant| instant.to_string()),
        })
    }
}
