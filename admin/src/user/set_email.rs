//! `user set-email`: moves a user to another address, such as when the mailbox is lost and the user has been identified by
//! other means.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::json;
use shared::domain::{clock::Timestamp, email::EmailAddress, user::User, user_event::EventKind};

use super::{description, subject};
use crate::{
    audit::ChangeKind, command_line::SetEmailArgs, connection::Context, error::Error,
    report::Report,
};

pub(crate) async fn run(context: &Context, args: &SetEmailArgs) -> Result<Report, Error> {
    let email = EmailAddress::parse(&args.email)
        .map_err(|error| Error::Usage(format!("the new e-mail address {error}")))?;
    let before = args.user.require(context).await?;
    let write_id = context.users.new_write_id();
    let now = context.clock.now()?;
    let Some(after) = with_address(&before, email, args.verified, write_id) else {
        let text = format!("{} has this address already.", subject(&before));
        return Ok(report(&before, false, false, text));
    };
    let moves = before.email.canonical() != after.email.canonical();
    if moves {
        check_free(context, &before, &after.email).await?;
    }
    let notifies = moves && before.email_verified;
    args.confirmation
        .confirm(&intention(&before, &after, notifies, now))?;
    let mut writes = context.users.address_writes(&before, &after, now)?;
    if notifies {
        writes.push(context.transient.email_notice_by_operator(&before, now)?);
    }
    let version = after.record_version;
    let events =
        context
            .user_events
            .of_kinds(&event_kinds(&before, &after), after.id, version, now)?;
    writes.extend(events);
    if !context
        .commit(ChangeKind::SetEmail, &before, writes)
        .await?
    {
        return Err(Error::message(
            "nothing was done: another user has the address or reserves it, or the record was changed in the meantime",
        ));
    }
    let verified = if after.email_verified {
        "verified"
    } else {
        "not verified"
    };
    let mut text = format!(
        "The address of {} is now {}, {verified}.",
        subject(&after),
        after.email.as_str()
    );
    if moves {
        text.push_str(" Every session has ended and reset links are invalid.");
    }
    if notifies {
        text.push_str(" A notice to the old address is queued.");
    }
    Ok(report(&after, true, notifies, text))
}

/// Returns the record with this address; `None` if nothing changes. Only another address ends sessions and invalidates links.
fn with_address(
    user: &User,
    email: EmailAddress,
    verified: bool,
    write_id: String,
) -> Option<User> {
    let moves = user.email.canonical() != email.canonical();
    let email_verified = verified || (user.email_verified && !moves);
    if user.email.as_str() == email.as_str()
        && user.email_verified == email_verified
        && user.pending_email.is_none()
    {
        return None;
    }
    // The same address in the same spelling stays as stored, whatever form today's rules give it.
    let email = if moves || user.email.as_str() != email.as_str() {
        email
    } else {
        user.email.clone()
    };
    Some(User {
        email,
        email_verified,
        pending_email: None,
        sessions: if moves {
            BTreeMap::new()
        } else {
            user.sessions.clone()
        },
        record_version: user.next_version(),
        credentials_version: user.credentials_version + u64::from(moves),
        last_write_id: write_id,
        ..user.clone()
    })
}

/// Returns the kinds of event that the change causes.
fn event_kinds(before: &User, after: &User) -> Vec<EventKind> {
    let moves = before.email.canonical() != after.email.canonical();
    let is_updated =
        before.email.as_str() != after.email.as_str() || before.pending_email.is_some();
    let is_verified = after.email_verified && (moves || !before.email_verified);
    let updated = is_updated.then_some(EventKind::Updated);
    let verified = is_verified.then_some(EventKind::Verified);
    updated.into_iter().chain(verified).collect()
}

async fn check_free(context: &Context, user: &User, email: &EmailAddress) -> Result<(), Error> {
    match context.users.with_disabled().id_by_email(email).await? {
        Some(other) if other != user.id => Err(Error::message(format!(
            "nothing was done: the user with the id {other} has the address {}",
            email.as_str()
        ))),
        _ => Ok(()),
    }
}

fn intention(before: &User, after: &User, notifies: bool, now: Timestamp) -> String {
    let verified = if after.email_verified {
        "verified"
    } else {
        "not verified until the user confirms it"
    };
    let mut text = format!(
        "This gives the address {}, {verified}, to {}.",
        after.email.as_str(),
        description(before)
    );
    if let Some(pending) = &before.pending_email {
        let _ = write!(
            text,
            " The pending address {} is discarded.",
            pending.as_str()
        );
    }
    if before.email.canonical() == after.email.canonical() {
        return text;
    }
    text.push_str(" Every session ends and reset links become invalid.");
    text.push_str(if notifies {
        " The old address receives a notice without a link that takes the account back."
    } else {
        " The old address receives no notice, since it is not verified."
    });
    let live = before
        .former_emails
        .iter()
        .filter(|former| former.is_live(now))
        .count();
    if live > 0 {
        let _ = write!(
            text,
            " {live} links to earlier addresses can still take the account back; \"admin user show\" lists these addresses."
        );
    }
    text
}

fn report(user: &User, changed: bool, notified: bool, text: String) -> Report {
    let json = json!({
        "id": user.id,
        "username": user.username.as_str(),
        "email": user.email.as_str(),
        "email_verified": user.email_verified,
        "changed": changed,
        "notified": notified,
    });
    Report::new(text, json)
}
