//! What must be so: every user as last seen at rest, with what was learnt since.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use shared::domain::{email::EmailAddress, reset_token::ResetToken, user::SessionId};

/// A user.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub id: u64,
    pub username: String,
    /// The rest is as it was at rest.
    pub email: String,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub hash: String,
    pub version: u64,
    pub credentials: u64,
    pub passwords: u64,
    pub failures: u64,
    /// Reset mails that count.
    pub asked: u64,
    /// The one session that is older than the password: the one which set it.
    pub keeper: Option<String>,
    /// Those that lived at rest and those begun since, by name.
    pub sessions: BTreeMap<String, Session>,
    /// Names of sessions that must never live again.
    pub ended: BTreeSet<String>,
    /// Their tokens, as far as known.
    pub ended_tokens: Vec<String>,
    /// Oldest first.
    pub links: Vec<Link>,
    /// Every password that anybody tried to set.
    pub tried: BTreeSet<String>,
    /// The password that was heard of last.
    pub newest_password: String,
}

/// A log-in.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub token: Option<String>,
    /// What it was begun with.
    pub password: String,
    pub expires_at: u64,
    /// When the log-in began and ended; zero for one that lived at rest.
    pub began: u64,
    pub ended: u64,
    /// Its place among its user's sessions at rest.
    pub order: (u64, u64),
    /// It was heard that it has ended.
    pub is_out: bool,
}

impl Session {
    /// Whether it should be good, for all that is known in the midst of a round.
    pub fn is_likely_live(&self, newest_password: &str) -> bool {
        self.token.is_some() && !self.is_out && self.password == newest_password
    }
}

/// A reset link that was mailed.
#[derive(Clone, Debug)]
pub struct Link {
    pub token: String,
    pub hash: String,
    /// It may never work again.
    pub is_dead: bool,
    /// When it ends by itself. An older copy than the newest has that one's time: it is dead all the same.
    pub ends_at: u64,
}

/// Everybody.
#[derive(Default)]
pub struct People {
    pub all: BTreeMap<u64, Person>,
    /// Sessions of users whose sign-up was not answered: nobody is to be surprised by them.
    pub strangers: Vec<(u64, String, Session)>,
    made_up: u64,
}

impl People {
    /// A number that was not given out before.
    pub fn number(&mut self) -> u64 {
        self.made_up += 1;
        self.made_up
    }

    /// A password that nobody had before, and that is made of nobody's name.
    pub fn new_password(&mut self) -> String {
        format!("quiet-{:06}-marble-orchard", self.number())
    }
}

impl Person {
    /// Somebody who has just signed up.
    pub fn new(id: u64, username: &str, email: &str, password: &str) -> Self {
        Self {
            id,
            username: username.to_owned(),
            email: spelt(email),
            password: password.to_owned(),
            version: 1,
            credentials: 1,
            passwords: 1,
            tried: BTreeSet::from([password.to_owned()]),
            newest_password: password.to_owned(),
            ..Self::default()
        }
    }
}

/// Whose a session token is, which session it names, and when it expires.
pub fn claims(token: &str) -> (u64, String, u64) {
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let session = SessionId::of(claims["jti"].as_str().unwrap());
    (
        claims["sub"].as_str().unwrap().parse().unwrap(),
        session.as_str().to_owned(),
        claims["exp"].as_u64().unwrap(),
    )
}

/// Whose a reset link is, and the hash of its secret.
pub fn link(token: &str) -> (u64, String) {
    let token = ResetToken::parse(token).unwrap();
    (token.user().number(), token.hash())
}

/// The form in which addresses are compared.
pub fn canonical(email: &str) -> String {
    EmailAddress::parse(email).unwrap().canonical().to_owned()
}

/// The form in which an address is kept.
pub fn spelt(email: &str) -> String {
    EmailAddress::parse(email).unwrap().as_str().to_owned()
}
