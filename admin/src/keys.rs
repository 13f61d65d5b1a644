//! `keys show` and `keys rotate`. Private keys are never printed.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    auth::signer::Signer,
    domain::clock::Timestamp,
    store::keys::{Jwks, PrivateKeySet, PublicKey},
};

use crate::{
    connection::Context,
    error::Error,
    report::{Report, span, table},
};

/// Shows the public keys with the state of each.
pub(crate) async fn show(context: &Context) -> Result<Report, Error> {
    let (signing, jwks) = read(context).await?;
    let now = context.providers.clock.now();
    let keys: Vec<_> = jwks
        .keys
        .iter()
        .map(|key| KeySummary::of(key, &signing, now))
        .collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|key| [key.kid.clone(), key.state.clone(), key.age(now)])
        .collect();
    let json: Vec<_> = keys.iter().map(KeySummary::to_json).collect();
    Ok(Report::new(
        table(["kid", "state", "age"], &rows),
        json!({ "keys": json }),
    ))
}

/// Publishes a new key.
pub(crate) async fn rotate(
    context: &Context,
    session_days: u16,
    force: bool,
) -> Result<Report, Error> {
    let (signing, _) = read(context).await?;
    let now = context.providers.clock.now();
    let waiting = signing.keys.iter().find(|key| now < key.signs_from);
    if let Some(waiting) = waiting
        && !force
    {
        return Err(Error::message(format!(
            "nothing was done: the key {} is already published and signs from {} (--force publishes another one)",
            waiting.kid, waiting.signs_from
        )));
    }
    let lifetime = Duration::from_hours(u64::from(session_days) * 24);
    let signer = Signer::new(
        context.keys.clone(),
        context.providers.clock.clone(),
        lifetime,
    );
    let stored = signer.rotate(&signing, now).await?;
    let new = stored
        .keys
        .last()
        .filter(|key| signing.keys.iter().all(|old| old.kid != key.kid));
    let new = new.ok_or_else(|| Error::message("the new key was not stored; try again"))?;
    let text = format!(
        "The key {} is published and signs from {}. Earlier keys verify until their last token has expired.",
        new.kid, new.signs_from
    );
    let json = json!({"kid": new.kid, "signs_from": new.signs_from.to_string()});
    Ok(Report::new(text, json))
}

async fn read(context: &Context) -> Result<(PrivateKeySet, Jwks), Error> {
    let (signing, jwks) = tokio::try_join!(context.keys.private_keys(), context.keys.jwks())?;
    signing
        .zip(jwks)
        .ok_or_else(|| Error::message("there are no keys yet; the first sign-up creates them"))
}

/// The public facts about a key.
struct KeySummary {
    kid: String,
    state: String,
    /// Known for keys that sign now or later.
    signs_from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl KeySummary {
    fn of(key: &PublicKey, signing: &PrivateKeySet, now: Timestamp) -> Self {
        let signs_from = signing
            .keys
            .iter()
            .find(|private| private.kid == key.kid)
            .map(|private| private.signs_from);
        let in_use = signing
            .keys
            .iter()
            .rev()
            .find(|key| key.signs_from <= now)
            .or(signing.keys.first());
        let state = match (signs_from, key.until) {
            (Some(from), _) if now < from => format!("signs from {from}"),
            _ if in_use.is_some_and(|in_use| in_use.kid == key.kid) => "signs".to_owned(),
            (_, Some(until)) if now < until => format!("verifies until {until}"),
            (_, Some(until)) => format!("expired {until}"),
            (_, None) => "verifies".to_owned(),
        };
        Self {
            kid: key.kid.clone(),
            state,
            signs_from,
            until: key.until,
        }
    }

    fn age(&self, now: Timestamp) -> String {
        self.signs_from
            .filter(|from| *from <= now)
            .map_or_else(|| "-".to_owned(), |from| span(now.seconds_since(from)))
    }

    fn to_json(&self) -> Value {
        json!({
            "kid": self.kid,
            "state": self.state,
            "signs_from": self.signs_from.map(|instant| instant.to_string()),
            "until": self.until.map(|instant| instant.to_string()),
        })
    }
}
