//! `limits clear`: resets the counters of a user who is locked out, or of an office behind one address.

use std::{net::IpAddr, str::FromStr};

use serde_json::json;
use shared::{
    domain::digest::sha256_hex,
    http::source_group,
    store::{counters::CounterKey, transient::MailKey},
};

use crate::{
    connection::Context,
    error::Error,
    report::Report,
    scan::{Filter, text},
    user_ref::UserRef,
};

/// The subject of a counter.
#[derive(Clone)]
pub(crate) enum LimitTarget {
    /// A source address as the counters store it: an IPv4 address, or the first 64 bits of an IPv6 address.
    Source(String),
    User(UserRef),
}

impl FromStr for LimitTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_suffix("/64").unwrap_or(text);
        if address.parse::<IpAddr>().is_ok() {
            return Ok(Self::Source(source_group(address)));
        }
        text.parse().map(Self::User)
    }
}

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
    let end = format!("#{source}");
    let mut keys = Vec::new();
    let take = |item| {
        keys.extend(
            text(&item, "pk")
                .filter(|key| key.ends_with(&end))
                .and_then(|key| Some((CounterKey::from_item(key)?, key.to_owned()))),
        );
    };
    context
        .scanner
        .each(
            &context.counters_table.name,
            Filter::keys_with("limit#"),
            take,
        )
        .await?;
    let mut cleared = Vec::new();
    for (counter, key) in keys {
        if context.counters.remove(&counter).await? {
            let what = key
                .strip_prefix("limit#")
                .and_then(|key| key.strip_suffix(&end));
            cleared.extend(what.map(str::to_owned));
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
    let names = names(user_ref);
    if user.is_none() && names.is_empty() {
        return Err(Error::message(format!("no user has {user_ref}")));
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

/// The names under which wrong passwords are counted while no user has them.
fn names(user_ref: &UserRef) -> Vec<String> {
    match user_ref {
        UserRef::Email(email) => vec![email.canonical().to_owned()],
        UserRef::Username(username) | UserRef::Digits(_, username) => vec![username.canonical()],
        UserRef::Id(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_parsed_as_the_counters_store_it() {
        for text in ["2001:db8:1:2::5", "2001:db8:1:2::/64", "2001:0DB8:1:2:3::"] {
            assert!(
                matches!(text.parse(), Ok(LimitTarget::Source(source)) if source == "2001:db8:1:2::/64")
            );
        }
        assert!(
            matches!("192.0.2.1".parse(), Ok(LimitTarget::Source(source)) if source == "192.0.2.1")
        );
        assert!(matches!("ann".parse(), Ok(LimitTarget::User(_))));
    }
}
