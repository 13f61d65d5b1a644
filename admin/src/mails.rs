//! `mails show` and `mails replay`. Nothing here can show the secret of a link: it stands in the mail alone. Nor is an
//! address shown, which is nobody's business here.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    domain::mail::{Kind, Mail, State},
    store::{database::read, transient::MailKey},
};

use crate::{
    command_line::Which,
    connection::Admin,
    failure::Failure,
    report::{Report, table},
    scan::{Filter, text},
};

/// The stream gives a record up after this long: what still waits then waits for ever.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(24);

/// A mail, where it is, and what is known of how it went.
struct Row {
    key: MailKey,
    mail: Mail,
    /// Why it failed or was dropped; once it is sent, what SES calls it.
    detail: String,
}

pub(crate) async fn show(admin: &Admin, which: &Which) -> Result<Report, Failure> {
    let rows = rows(admin, which).await?;
    if rows.is_empty() {
        return Ok(Report::new(
            "There are no such mails.",
            json!({"mails": []}),
        ));
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let head = [
        "user",
        "kind",
        "state",
        "asked for",
        "kept until",
        "SES id or reason",
    ];
    let json: Vec<_> = rows.iter().map(Row::to_json).collect();
    Ok(Report::new(table(head, &cells), json!({ "mails": json })))
}

pub(crate) async fn replay(admin: &Admin, which: &Which) -> Result<Report, Failure> {
    let mut rows = rows(admin, which).await?;
    rows.retain(|row| matches!(row.mail.state, State::Failed | State::Queued));
    let now = admin.clock.now();
    let mut replayed = Vec::new();
    for row in &rows {
        if admin.transient.replay(&row.key, &row.mail, now).await? {
            replayed.push(row.to_json());
        }
    }
    let left = rows.len() - replayed.len();
    let mut text = match replayed.len() {
        0 => "No mail was queued again.".to_owned(),
        1 => "1 mail was queued again.".to_owned(),
        many => format!("{many} mails were queued again."),
    };
    if left > 0 {
        text = format!("{text} {left} changed in the same moment and were left alone.");
    }
    Ok(Report::new(
        text,
        json!({"replayed": replayed, "left_alone": left}),
    ))
}

/// The mails that are meant, oldest first. A user's notices have keys of their own, so the table is read whole.
async fn rows(admin: &Admin, which: &Which) -> Result<Vec<Row>, Failure> {
    let user = match &which.whom {
        Some(whom) => Some(whom.found(admin).await?.id),
        None => None,
    };
    let now = admin.clock.now();
    let is_meant = |mail: &Mail| match user {
        Some(user) => mail.user == user,
        None => match mail.state {
            State::Failed => true,
            State::Queued => now >= mail.requested_at + GIVEN_UP_AFTER,
            State::Sent | State::Dropped => false,
        },
    };
    let mut rows = Vec::new();
    let mut unreadable = 0;
    let table = &admin.transient_table;
    let take = |item| match Row::read(item) {
        Some(row) if is_meant(&row.mail) => rows.push(row),
        Some(_) => {}
        None => unreadable += 1,
    };
    admin
        .scanner
        .each(table, Filter::keys_with("mail#"), take)
        .await?;
    if unreadable > 0 {
        eprintln!("warning: {unreadable} mails cannot be read, and are left out");
    }
    rows.sort_by_key(|row| row.mail.requested_at);
    Ok(rows)
}

impl Row {
    fn read(item: shared::store::database::Item) -> Option<Self> {
        Some(Self {
            key: MailKey::from_record(text(&item, "pk")?)?,
            detail: text(&item, "detail").unwrap_or_default().to_owned(),
            mail: read(item).ok()?,
        })
    }

    fn cells(&self) -> [String; 6] {
        [
            self.mail.user.to_string(),
            kind(self.mail.kind).to_owned(),
            state(self.mail.state).to_owned(),
            self.mail.requested_at.to_string(),
            self.mail.expires_at.to_string(),
            self.detail.clone(),
        ]
    }

    fn to_json(&self) -> Value {
        let is_sent = self.mail.state == State::Sent;
        let detail = Some(&self.detail).filter(|detail| !detail.is_empty());
        json!({
            "user": self.mail.user,
            "kind": self.mail.kind,
            "state": self.mail.state,
            "asked_at": self.mail.requested_at.to_string(),
            "expires_at": self.mail.expires_at.to_string(),
            "ses_id": detail.filter(|_| is_sent),
            "reason": detail.filter(|_| !is_sent),
        })
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::ResetPassword => "reset link",
        Kind::PasswordChanged => "password changed",
        Kind::EmailChanged => "e-mail changed",
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Sent => "sent",
        State::Dropped => "dropped",
        State::Failed => "failed",
    }
}
