//! `limits clear`: resets the counters of a user who is locked out, or of an office behind one address.

use serde_json::json;
use shared::{
    domain::digest::sha256_hex,
    store::{counters::CounterKey, transient::MailKey},
};

use super::{LimitTarget, names, of_source};
use crate::{
    audit::ChangeKind, connection::Context, error::Error, report::Report, user_ref::UserRef,
};

pub(crate) async fn clear(context: &Context, target: &LimitTarget) -> Result<Report, Error> {
    let cleared = match target {
        LimitTarget::Source(source) => clear_source(context, source).await?,
        LimitTarget::User(user_ref) => clear_user(context, user_ref).await?,
    };
    let text = if cleared.is_empty() {
        "There was nothing to reset.".to_owned()
    } else {
        format!("Reset: {}.", cleared.join(", "))
    };
    Ok(Report::new(text, json!({ "cleared": cleared })))
}

/// Removes every counter of `source`.
async fn clear_source(context: &Context, source: &str) -> Result<Vec<String>, Error> {
    let counters = of_source(context, source).await?;
    if counters.is_empty() {
        return Ok(Vec::new());
    }
    context
        .record_before(ChangeKind::ClearLimits, None, None)
        .await?;
    let mut cleared = Vec::new();
    for counter in counters {
        if context.counters.remove(&counter.key).await? {
            cleared.push(counter.limit);
        }
    }
    Ok(cleared)
}

/// Resets the wrong passwords, changes and reset mails of a user, and those counted for a name before it belonged to a user.
async fn clear_user(context: &Context, user_ref: &UserRef) -> Result<Vec<String>, Error> {
    let mut cleared = Vec::new();
    let mut note = |was_there: bool, what: &str| {
        if was_there {
            cleared.push(what.to_owned());
        }
    };
    let user = user_ref.find(context).await?;
    let names = names(user_ref);
    if user.is_none() && names.is_empty() {
        return Err(Error::message(format!("no user has {user_ref}")));
    }
    let id = user.as_ref().map(|user| user.id);
    context
        .record_before(ChangeKind::ClearLimits, id, None)
        .await?;
    if let Some(user) = &user {
        let failures = context.users.reset_failed_attempts(user.id).await?;
        note(failures, "wrong passwords");
        let changes = context.users.forget_changes(user.id).await?;
        note(changes, "changes of the address and the password");
        let mails = context
            .transient
            .forget_quota(&MailKey::reset(user.id))
            .await?;
        note(mails, "reset mails");
    }
    for name in names {
        let hash = sha256_hex(name.as_bytes());
        let key = CounterKey::unknown_name(&hash);
        let unknown = context.counters.remove(&key).await?;
        note(unknown, "wrong passwords for an unknown name");
    }
    if let UserRef::Email(email) = user_ref {
        let unknown = context.transient.remove_decoy(&email.hash()).await?;
        note(unknown, "reset mails to an unknown address");
    }
    Ok(cleared)
}
