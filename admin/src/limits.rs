//! `limits show` and `limits clear`: the counters of a user, or of a source address.

mod clear;
mod show;

use std::{net::IpAddr, str::FromStr};

use shared::{
    domain::{rate_limit::Window, user_id::UserId},
    http::source_group,
    store::{counters::CounterKey, database::read, transient::MailKey},
};

pub(crate) use self::{clear::clear, show::show};
use crate::{
    connection::Context,
    error::Error,
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

/// A counter of a source address.
struct SourceCounter {
    key: CounterKey,
    /// The limit that it counts for, such as `sign_up`.
    limit: String,
    /// Its last window, which may have ended.
    window: Window,
}

/// Returns the counters of `source`, ordered by their limits. Reads the whole table of counters.
async fn of_source(context: &Context, source: &str) -> Result<Vec<SourceCounter>, Error> {
    let mut counters = Vec::new();
    let take = |item| {
        let of = |key: &str| {
            let (limit, subject) = key.strip_prefix("limit#")?.split_once('#')?;
            (subject == source).then(|| Some((CounterKey::from_item(key)?, limit.to_owned())))?
        };
        if let Some((key, limit)) = text(&item, "pk").and_then(of) {
            // A counter without a readable window counts nothing, and can be cleared.
            let window = read(item).unwrap_or_default();
            counters.push(SourceCounter { key, limit, window });
        }
    };
    let table = &context.counters_table.name;
    let filter = Filter::keys_with("limit#");
    context.scanner.each(table, filter, take).await?;
    counters.sort_by(|one, other| one.limit.cmp(&other.limit));
    Ok(counters)
}

/// The names under which wrong passwords are counted while no user has them.
fn names(user_ref: &UserRef) -> Vec<String> {
    match user_ref {
        UserRef::Email(email) => vec![email.canonical().to_owned()],
        UserRef::Username(username) | UserRef::Digits(_, username) => vec![username.canonical()],
        UserRef::Id(_) => vec![],
    }
}

/// The mails to `user` that have a quota, with its place.
fn mails_with_link(user: UserId) -> [(&'static str, MailKey); 2] {
    [
        ("reset mails", MailKey::reset(user)),
        ("confirmation mails", MailKey::confirmation(user)),
    ]
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
