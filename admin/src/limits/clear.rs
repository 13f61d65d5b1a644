//! `limits clear`: resets the counters of a user who is locked out, or of an office behind one address.

use serde_json::json;
use shared::{domain::digest::sha256_hex, store::counters::CounterKey};

use super::{LimitTarget, mails_with_link, names, of_source, show::of_record};
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

/// Resets the wrong passwords, changes, reset mails and confirmation mails of a user, and those counted for a name before it belonged to a user.
async fn clear_user(context: &Context, user_ref: &UserRef) -> Result<Vec<String>, Error> {
    let mut cleared = Vec::new();
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
        let counted: Vec<_> = of_record(user).map(|row| row.what).collect();
        if !counted.is_empty() && context.users.clear_counts(user.id).await? {
            cleared.extend(counted);
        }
        for (what, key) in mails_with_link(user.id) {
            let is_cleared = context.transient.forget_quota(&key).await?;
            cleared.extend(is_cleared.then(|| what.to_owned()));
        }
    }
    for name in names {
        let hash = sha256_hex(name.as_bytes());
        let key = CounterKey::unknown_name(&hash);
        let unknown = context.counters.remove(&key).await?;
        cleared.extend(unknown.then(|| "wrong passwords for an unknown name".to_owned()));
    }
    if let UserRef::Email(email) = user_ref {
        let unknown = context.transient.remove_decoy(&email.hash()).await?;
        cleared.extend(unknown.then(|| "reset mails to an unknown address".to_owned()));
    }
    Ok(cleared)
}
