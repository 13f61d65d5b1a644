//! `mails show` and `mails replay`. Neither prints an address, nor can it print the secret of a link, which exists only
//! in the mail itself.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    domain::mail::{Kind, Mail, State},
    store::{database::read, transient::MailKey},
};

use crate::{
    audit::ChangeKind,
    command_line::MailFilter,
    connection::Context,
    error::Error,
    report::{Report, table},
    scan::{Filter, text},
};

/// The time after which a mail that is still queued counts as one that cannot be sent: it has been retried twice.
const LATE_AFTER: Duration = Duration::from_mins(10);

/// A mail with its key and delivery result.
struct Row {
    key: MailKey,
    mail: Mail,
    /// The SES message id of a sent mail; otherwise the reason why it failed or was dropped.
    detail: String,
}

pub(crate) async fn show(context: &Context, filter: &MailFilter) -> Result<Report, Error> {
    let rows = rows(context, filter).await?;
    if rows.is_empty() {
        return Ok(Report::new("No mails found.", json!({"mails": []})));
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let head = [
        "user",
        "kind",
        "state",
        "requested at",
        "kept until",
        "SES id or reason",
    ];
    let json: Vec<_> = rows.iter().map(Row::to_json).collect();
    Ok(Report::new(table(head, &cells), json!({ "mails": json })))
}

pub(crate) async fn replay(context: &Context, filter: &MailFilter) -> Result<Report, Error> {
    let mut rows = rows(context, filter).await?;
    rows.retain(|row| matches!(row.mail.state, State::Failed | State::Queued));
    let now = context.clock.now()?;
    if !rows.is_empty() {
        let is_of_one = filter.user.is_some();
        let user = rows.first().map(|row| row.mail.user).filter(|_| is_of_one);
        let detail = format!("{} mails", rows.len());
        context
            .record_before(ChangeKind::ReplayMails, user, Some(&detail))
            .await?;
    }
    let mut replayed = Vec::new();
    for row in &rows {
        if context.transient.replay(&row.key, &row.mail, now).await? {
            replayed.push(row.to_json());
        }
    }
    let skipped = rows.len() - replayed.len();
    let mut text = match replayed.len() {
        0 => "No mail was queued again.".to_owned(),
        1 => "1 mail was queued again.".to_owned(),
        count => format!("{count} mails were queued again."),
    };
    if skipped > 0 {
        text = format!("{text} {skipped} changed in the meantime and were skipped.");
    }
    Ok(Report::new(
        text,
        json!({"replayed": replayed, "skipped": skipped}),
    ))
}

/// Returns the selected mails, oldest first. Reads the whole table, since the keys of notices cannot be derived.
async fn rows(context: &Context, filter: &MailFilter) -> Result<Vec<Row>, Error> {
    let user = match &filter.user {
        Some(user) => Some(user.require(context).await?.id),
        None => None,
    };
    let is_selected = |mail: &Mail| match user {
        Some(user) => mail.user == user,
        None => matches!(mail.state, State::Failed | State::Queued),
    };
    let mut rows = Vec::new();
    let mut unreadable = 0;
    let table = &context.transient_table.name;
    let take = |item| match Row::read(item) {
        Some(row) if is_selected(&row.mail) => rows.push(row),
        Some(_) => {}
        None => unreadable += 1,
    };
    context
        .scanner
        .each(table, Filter::keys_with("mail#"), take)
        .await?;
    if user.is_none() {
        let now = context.clock.now()?;
        let is_overdue = |mail: &Mail| now >= mail.requested_at + LATE_AFTER;
        rows.retain(|row| row.mail.state == State::Failed || is_overdue(&row.mail));
    }
    if unreadable > 0 {
        eprintln!("warning: {unreadable} mails cannot be deserialized and are not shown");
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
            "requested_at": self.mail.requested_at.to_string(),
            "expires_at": self.mail.expires_at.to_string(),
            "ses_id": detail.filter(|_| is_sent),
            "reason": detail.filter(|_| !is_sent),
        })
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::ResetPassword => "reset link",
        Kind::ConfirmEmail => "confirmation link",
        Kind::PasswordChanged => "password changed",
        Kind::EmailChanged => "e-mail changed",
        Kind::AccountDeleted => "account deleted",
        Kind::EmailChangeRequested => "e-mail change requested",
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
