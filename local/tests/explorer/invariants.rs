//! The invariants of the tables.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::{
    domain::{mail::Mail, user::User},
    store::database::Item,
};

use crate::{compare::plain, database::Items};

/// The maximum number of sessions of a user.
const SESSIONS: usize = 10;

/// The counters that never decrease.
const COUNTERS: [&str; 3] = ["version", "credentials", "passwords"];

/// Returns every invariant that does not hold, without those of the start, which may be damaged.
pub fn violations(before: &Items, after: &Items, now: u64) -> Vec<String> {
    let mut found = violations_of_state(after, now);
    if !found.is_empty() {
        let known = violations_of_state(before, now);
        found.retain(|violation| !known.contains(violation));
    }
    let users = of(after, "user#");
    for (key, user) in of(before, "user#") {
        if let Some(now) = users.get(&key) {
            for counter in COUNTERS {
                if now[counter].as_u64() < user[counter].as_u64() {
                    found.push(format!("{counter} of {key} decreased"));
                }
            }
        }
    }
    found
}

fn violations_of_state(after: &Items, now: u64) -> Vec<String> {
    let mut found = Vec::new();
    let users = of(after, "user#");
    let mut markers = of(after, "email#");
    markers.extend(of(after, "username#"));
    for (key, user) in &users {
        let record = match readable::<User>(user) {
            Ok(record) => record,
            Err(error) => {
                found.push(format!("{key} cannot be read: {error}"));
                continue;
            }
        };
        let id = &user["id"];
        for marker in [
            format!("email#{}", record.email.canonical()),
            format!("username#{}", record.username.as_str().to_lowercase()),
        ] {
            let is_disabled = user.get("disabled_at").is_some();
            match markers.remove(&marker) {
                None => found.push(format!("{key} has no marker {marker}")),
                Some(item) if item["id"] != *id => {
                    found.push(format!("{marker} is not that of {key}"));
                }
                Some(item) if item.get("reserved_until").is_some() => {
                    found.push(format!("{marker} is in use and only reserved"));
                }
                Some(item) if item.get("disabled").is_some() != is_disabled => {
                    found.push(format!("{marker} and {key} are not disabled alike"));
                }
                Some(_) => {}
            }
        }
        for former in user["former_emails"].as_array().into_iter().flatten() {
            let marker = format!("email#{}", former["email"].as_str().unwrap().to_lowercase());
            let is_own = markers.get(&marker).is_some_and(|item| item["id"] == *id);
            if is_own {
                markers.remove(&marker);
            } else if former["until"].as_u64() > Some(now) && user["email"] != former["email"] {
                found.push(format!(
                    "{marker}, which {key} may take back, is not reserved"
                ));
            }
        }
        if user["sessions"].as_object().unwrap().len() > SESSIONS {
            found.push(format!("{key} has too many sessions"));
        }
    }
    for (key, item) in &markers {
        found.push(format!("{key} leads to no user who has it: {item}"));
    }
    for (key, mail) in of(after, "mail#") {
        if let Err(error) = readable::<Mail>(&mail) {
            found.push(format!("{key} cannot be read: {error}"));
        }
    }
    found
}

fn of(items: &Items, prefix: &str) -> BTreeMap<String, Value> {
    let found = items.iter().filter(|((_, key), _)| key.starts_with(prefix));
    found
        .map(|((_, key), item)| (key.clone(), plain(item)))
        .collect()
}

fn readable<T: serde::de::DeserializeOwned>(item: &Value) -> Result<T, String> {
    let item: Item = serde_dynamo::to_item(item).map_err(|error| error.to_string())?;
    shared::store::database::read(item).map_err(|error| error.to_string())
}
