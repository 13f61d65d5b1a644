//! `limits clear`: for the user who locked themselves out, and for the office behind one address.

use std::{net::IpAddr, str::FromStr};

use serde_json::json;
use shared::{domain::digest::sha256_hex, http::source_group, store::transient::MailKey};

use crate::{
    connection::Admin,
    failure::Failure,
    report::Report,
    scan::{Filter, text},
    whom::Whom,
};

/// What is counted against.
#[derive(Clone)]
pub(crate) enum Limited {
    /// An address as the counters write it: IPv4 whole, IPv6 by its first 64 bits.
    Source(String),
    User(Whom),
}

impl FromStr for Limited {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_suffix("/64").unwrap_or(text);
        if address.parse::<IpAddr>().is_ok() {
            return Ok(Self::Source(source_group(address)));
        }
        text.parse().map(Self::User)
    }
}

pub(crate) async fn clear(admin: &Admin, what: &Limited) -> Result<Report, Failure> {
    let cleared = match what {
        Limited::Source(source) => of_source(admin, source).await?,
        Limited::User(whom) => of_user(admin, whom).await?,
    };
    let text = if cleared.is_empty() {
        "Nothing was counted.".to_owned()
    } else {
        format!("Forgotten: {}.", cleared.join(", "))
    };
    Ok(Report::new(text, json!({ "cleared": cleared })))
}

/// Every counter of `source`, whatever it counts.
async fn of_source(admin: &Admin, source: &str) -> Result<Vec<String>, Failure> {
    let end = format!("#{source}");
    let mut keys = Vec::new();
    let take = |item| {
        keys.extend(
            text(&item, "pk")
                .filter(|key| key.ends_with(&end))
                .map(str::to_owned),
        );
    };
    admin
        .scanner
        .each(&admin.transient_table, Filter::keys_with("limit#"), take)
        .await?;
    let mut cleared = Vec::new();
    for key in keys {
        if admin.transient.remove_counter(&key).await? {
            let what = key
                .strip_prefix("limit#")
                .and_then(|key| key.strip_suffix(&end));
            cleared.extend(what.map(str::to_owned));
        }
    }
    Ok(cleared)
}

/// Wrong passwords and reset mails of a user; and the same counted under a name while nobody had it.
async fn of_user(admin: &Admin, whom: &Whom) -> Result<Vec<String>, Failure> {
    let mut cleared = Vec::new();
    let mut note = |was_there: bool, what: &str| {
        if was_there {
            cleared.push(what.to_owned());
        }
    };
    let user = whom.find(admin).await?;
    if let Some(user) = &user {
        let failures = admin.users.reset_failed_attempts(user.id).await?;
        note(failures, "wrong passwords");
        let mails = admin
            .transient
            .forget_quota(&MailKey::reset(user.id))
            .await?;
        note(mails, "reset mails");
    }
    let names = names(whom);
    if user.is_none() && names.is_empty() {
        return Err(Failure::said(format!("nobody has {whom}")));
    }
    for name in names {
        let hash = sha256_hex(name.as_bytes());
        let key = format!("limit#unknown_name#{hash}");
        let unknown = admin.transient.remove_counter(&key).await?;
        note(unknown, "wrong passwords for a name that nobody had");
    }
    if let Whom::Email(email) = whom {
        let void = MailKey::decoy(&email.hash());
        let unknown = admin.transient.remove_counter(void.as_str()).await?;
        note(unknown, "reset mails to an address that nobody had");
    }
    Ok(cleared)
}

/// What wrong passwords are counted under while nobody has the name.
fn names(whom: &Whom) -> Vec<String> {
    match whom {
        Whom::Email(email) => vec![email.canonical().to_owned()],
        Whom::Username(username) | Whom::Digits(_, username) => vec![username.canonical()],
        Whom::Id(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_counted() {
        for text in ["2001:db8:1:2::5", "2001:db8:1:2::/64", "2001:0DB8:1:2:3::"] {
            assert!(
                matches!(text.parse(), Ok(Limited::Source(source)) if source == "2001:db8:1:2::/64")
            );
        }
        assert!(
            matches!("192.0.2.1".parse(), Ok(Limited::Source(source)) if source == "192.0.2.1")
        );
        assert!(matches!("ann".parse(), Ok(Limited::User(_))));
    }
}
