//! `keys show` and `keys rotate`. A private key is read where it must be and never shown.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    auth::signer::Signer,
    domain::clock::Timestamp,
    store::keys::{Jwks, PrivateKeySet, PublicKey},
};

use crate::{
    connection::Admin,
    failure::Failure,
    report::{Report, span, table},
};

/// The public keys, and when each began, or begins, to sign.
pub(crate) async fn show(admin: &Admin) -> Result<Report, Failure> {
    let (signing, jwks) = read(admin).await?;
    let now = admin.clock.now();
    let keys: Vec<_> = jwks
        .keys
        .iter()
        .map(|key| Shown::of(key, &signing, now))
        .collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|key| [key.kid.clone(), key.state.clone(), key.age(now)])
        .collect();
    let json: Vec<_> = keys.iter().map(Shown::to_json).collect();
    Ok(Report::new(
        table(["kid", "state", "age"], &rows),
        json!({ "keys": json }),
    ))
}

/// Publishes a new key.
pub(crate) async fn rotate(
    admin: &Admin,
    session_days: u16,
    force: bool,
) -> Result<Report, Failure> {
    let (signing, _) = read(admin).await?;
    let now = admin.clock.now();
    let waiting = signing.keys.iter().find(|key| now < key.signs_from);
    if let Some(waiting) = waiting
        && !force
    {
        return Err(Failure::said(format!(
            "the key {} is published already and signs from {}; nothing was done (--force puts another in its place)",
            waiting.kid, waiting.signs_from
        )));
    }
    let lifetime = Duration::from_hours(u64::from(session_days) * 24);
    let signer = Signer::new(admin.keys.clone(), admin.clock.clone(), lifetime);
    let stored = signer.rotate(&signing, now).await?;
    let new = stored
        .keys
        .last()
        .filter(|key| signing.keys.iter().all(|old| old.kid != key.kid));
    let new = new.ok_or_else(|| Failure::said("the new key was not stored: try again"))?;
    let text = format!(
        "The key {} is published, and signs from {}. The keys before it verify until their last token has expired.",
        new.kid, new.signs_from
    );
    let json = json!({"kid": new.kid, "signs_from": new.signs_from.to_string()});
    Ok(Report::new(text, json))
}

async fn read(admin: &Admin) -> Result<(PrivateKeySet, Jwks), Failure> {
    let (signing, jwks) = tokio::try_join!(admin.keys.private_keys(), admin.keys.jwks())?;
    signing
        .zip(jwks)
        .ok_or_else(|| Failure::said("there are no keys yet: the first sign-up makes them"))
}

/// What may be shown of a key.
struct Shown {
    kid: String,
    state: String,
    /// Known of the keys that still sign, or will.
    signs_from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Shown {
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
