//! `keys show`, `keys rotate` and `keys revoke`. Private keys are never printed.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    auth::signer::Signer,
    domain::{
        clock::{Clock, Timestamp},
        signing_algorithm::SigningAlgorithm,
    },
    store::keys::{CACHE_TTL, Keys, PrivateKey, PublicKey, StoredKeys},
};

use crate::{
    audit::ChangeKind,
    command_line::Tokens,
    connection::Context,
    error::Error,
    report::{Report, span, table},
};

/// Maximum attempts to revoke a key while signers store others.
const MAX_REVOKE_ATTEMPTS: u32 = 5;

/// The keys of one kind of token, with the server's time at which they were read.
struct KeysNow {
    tokens: Tokens,
    stored: StoredKeys,
    now: Timestamp,
}

/// Shows the public keys of both kinds of token with the state of each.
pub(crate) async fn show(context: &Context) -> Result<Report, Error> {
    let session = read(context, Tokens::Session).await?;
    let access = read(context, Tokens::Access).await?;
    let now = session.now;
    let summaries: Vec<_> = [&session, &access]
        .into_iter()
        .flat_map(|keys| {
            let of = move |key| KeySummary::of(key, keys, now);
            keys.public().iter().map(of)
        })
        .collect();
    if summaries.is_empty() {
        return Err(no_keys(Tokens::Session));
    }
    let rows: Vec<_> = summaries
        .iter()
        .map(|key| {
            let algorithm = key.algorithm.name().to_owned();
            let tokens = name(key.tokens).to_owned();
            [
                key.kid.clone(),
                tokens,
                algorithm,
                key.state.clone(),
                key.age(now),
            ]
        })
        .collect();
    let json: Vec<_> = summaries.iter().map(KeySummary::to_json).collect();
    Ok(Report::new(
        table(["kid", "tokens", "algorithm", "state", "age"], &rows),
        json!({ "keys": json }),
    ))
}

/// Publishes a new key for `tokens`, which live for at most `lifetime`.
pub(crate) async fn rotate(
    context: &Context,
    tokens: Tokens,
    lifetime: Duration,
    force: bool,
) -> Result<Report, Error> {
    let keys = read(context, tokens).await?;
    if keys.is_empty() {
        return Err(no_keys(tokens));
    }
    let now = keys.now;
    let waiting = keys.private().iter().find(|key| now < key.signs_from);
    if let Some(waiting) = waiting
        && !force
    {
        return Err(Error::message(format!(
            "nothing was done: the key {} is already published and signs from {} (--force publishes another one)",
            waiting.kid, waiting.signs_from
        )));
    }
    context
        .record_before(ChangeKind::RotateKeys, None, Some(name(tokens)))
        .await?;
    let stored = signer(context, &keys, lifetime)
        .rotate(&keys.stored, now)
        .await?
        .ok_or_else(|| Error::message("the new key was not stored; try again"))?;
    let new = stored.keys.last().ok_or_else(|| no_keys(tokens))?;
    let text = format!(
        "The key {} is published and signs from {}. Earlier keys verify until their last token has expired.",
        new.kid, new.signs_from
    );
    let json = json!({"kid": new.kid, "signs_from": new.signs_from.to_string()});
    Ok(Report::new(text, json))
}

/// Removes a key, so that its tokens are rejected.
pub(crate) async fn revoke(context: &Context, kid: &str) -> Result<Report, Error> {
    for attempt in 0..MAX_REVOKE_ATTEMPTS {
        let mut keys = read(context, Tokens::Session).await?;
        if !keys.has(kid) {
            keys = read(context, Tokens::Access).await?;
        }
        if !keys.has(kid) {
            return Err(Error::message(
                "no key has this id; \"keys show\" prints the ids",
            ));
        }
        if attempt == 0 {
            context
                .record_before(ChangeKind::RevokeKey, None, Some(kid))
                .await?;
        }
        // A revocation derives no end from the lifetime of tokens: the key ends at once, and others keep theirs.
        let signer = signer(context, &keys, Duration::ZERO);
        if let Some(stored) = signer.revoke(&keys.stored, kid, keys.now).await? {
            return Ok(revoked(kid, &keys, &stored.keys));
        }
    }
    Err(Error::message(
        "signers keep changing the keys, so nothing was done; try again",
    ))
}

fn revoked(kid: &str, before: &KeysNow, after: &[PrivateKey]) -> Report {
    let seconds = CACHE_TTL.as_secs();
    let elsewhere = "Other services that verify tokens by the public keys reject them when their caches expire: five minutes, \
                     or two hours in an API Gateway HTTP API.";
    let mut text = match before.tokens {
        Tokens::Session => format!(
            "The key {kid} is revoked. Every function rejects its tokens within {seconds} seconds. {elsewhere}"
        ),
        Tokens::Access => format!(
            "The key {kid} is revoked, and within {seconds} seconds it is not published any more. {elsewhere}"
        ),
    };
    let new = after
        .iter()
        .find(|key| before.private().iter().all(|old| old.kid != key.kid));
    if let Some(new) = new {
        text = format!(
            "{text} The new key {} signs within {seconds} seconds.",
            new.kid
        );
    }
    let json = json!({
        "revoked": kid,
        "rejected_within_seconds": seconds,
        "new_kid": new.map(|key| &key.kid),
    });
    Report::new(text, json)
}

/// A signer that creates keys of the same algorithm as the newest one.
fn signer(context: &Context, keys: &KeysNow, token_lifetime: Duration) -> Signer {
    let now = keys.now;
    Signer::new(
        store(context, keys.tokens).clone(),
        keys.algorithm(),
        Clock::new(move || now),
        token_lifetime,
    )
}

/// Reads the keys. One of the two items may be missing: the next signer creates it again.
async fn read(context: &Context, tokens: Tokens) -> Result<KeysNow, Error> {
    let stored = store(context, tokens).both().await?;
    let now = context.clock.now()?;
    Ok(KeysNow {
        tokens,
        stored,
        now,
    })
}

const fn store(context: &Context, tokens: Tokens) -> &Keys {
    match tokens {
        Tokens::Session => &context.session_keys,
        Tokens::Access => &context.access_keys,
    }
}

const fn name(tokens: Tokens) -> &'static str {
    match tokens {
        Tokens::Session => "session",
        Tokens::Access => "access",
    }
}

fn no_keys(tokens: Tokens) -> Error {
    Error::message(match tokens {
        Tokens::Session => "there are no keys yet; the first sign-up creates them",
        Tokens::Access => {
            "there are no keys for access tokens yet; the first request for an access token creates them"
        }
    })
}

impl KeysNow {
    fn private(&self) -> &[PrivateKey] {
        let set = self.stored.private.as_ref();
        set.map_or(&[], |set| set.keys.as_slice())
    }

    fn public(&self) -> &[PublicKey] {
        let set = self.stored.public.as_ref();
        set.map_or(&[], |set| set.keys.as_slice())
    }

    fn is_empty(&self) -> bool {
        self.stored.private.is_none() && self.stored.public.is_none()
    }

    /// The algorithm of the newest key.
    fn algorithm(&self) -> SigningAlgorithm {
        let private = self.private().last().map(|key| key.alg);
        let public = self.public().last().map(|key| key.parameters.algorithm());
        private.or(public).unwrap_or_default()
    }

    fn has(&self, kid: &str) -> bool {
        self.private().iter().any(|key| key.kid == kid)
            || self.public().iter().any(|key| key.kid == kid)
    }
}

/// The public facts about a key.
struct KeySummary {
    kid: String,
    tokens: Tokens,
    algorithm: SigningAlgorithm,
    state: String,
    /// Known for keys that sign now or later.
    signs_from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl KeySummary {
    fn of(key: &PublicKey, keys: &KeysNow, now: Timestamp) -> Self {
        let signing = keys.private();
        let signs_from = signing
            .iter()
            .find(|private| private.kid == key.kid)
            .map(|private| private.signs_from);
        let in_use = signing
            .iter()
            .rev()
            .find(|key| key.signs_from <= now)
            .or(signing.first());
        let state = match (signs_from, key.until) {
            (Some(from), _) if now < from => format!("signs from {from}"),
            _ if in_use.is_some_and(|in_use| in_use.kid == key.kid) => "signs".to_owned(),
            (_, Some(until)) if now < until => format!("verifies until {until}"),
            (_, Some(until)) => format!("expired {until}"),
            (_, None) => "verifies".to_owned(),
        };
        Self {
            kid: key.kid.clone(),
            tokens: keys.tokens,
            algorithm: key.parameters.algorithm(),
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
            "tokens": name(self.tokens),
            "algorithm": self.algorithm.name(),
            "state": self.state,
            "signs_from": self.signs_from.map(|instant| instant.to_string()),
            "until": self.until.map(|instant| instant.to_string()),
        })
    }
}
