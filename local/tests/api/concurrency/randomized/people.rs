//! The expected state: every user after the last round, with what responses have shown since.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use shared::domain::{email::EmailAddress, link_token::LinkToken, user::SessionId};

use super::case::ENABLED;

/// A user.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub id: u64,
    pub username: String,
    /// The user signed up in this round.
    pub is_new: bool,
    /// The following fields are from the tables after the last round.
    pub email: String,
    /// As stored; empty without one.
    pub pending_email: String,
    pub is_disabled: bool,
    pub roles: BTreeSet<String>,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub hash: String,
    pub version: u64,
    pub credentials: u64,
    pub passwords: u64,
    pub failures: u64,
    /// Reset mails that count towards the daily limit.
    pub mails: u64,
    pub is_verified: bool,
    /// Former addresses; the reservations of some may have expired.
    pub former: Vec<Former>,
    /// Confirmation mails that count towards the daily limit.
    pub confirmations: u64,
    /// The session that set the password, which survives it.
    pub keeper: Option<String>,
    /// Valid sessions after the last round and those created since, by hash.
    pub sessions: BTreeMap<String, Session>,
    /// Hashes of sessions that must never be valid again.
    pub ended: BTreeSet<String>,
    /// Their tokens, if known.
    pub ended_tokens: Vec<String>,
    /// Oldest first.
    pub links: Vec<Link>,
    /// Oldest first.
    pub confirmation_links: Vec<ConfirmationLink>,
    pub revert_links: Vec<RevertLink>,
    /// The numbers of the changes of address whose notices were dropped while the user was disabled.
    pub unnotified: BTreeSet<u64>,
    /// Every password that a request has tried to set.
    pub tried: BTreeSet<String>,
    /// The password of the last successful response.
    pub newest_password: String,
    /// The newest state that a response has shown in this round.
    pub newest_state: &'static str,
}

/// A session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub token: Option<String>,
    /// The password of its log-in.
    pub password: String,
    pub expires_at: u64,
    /// The logical times of the log-in; zero for a session of an earlier round.
    pub began: u64,
    pub ended: u64,
    /// Its position among the user's sessions after the last round.
    pub order: (u64, u64),
    /// A response has shown that it has ended.
    pub is_out: bool,
}

impl Session {
    /// `true` if it should be valid, as far as known during a round.
    pub fn is_likely_live(&self, newest_password: &str) -> bool {
        self.token.is_some() && !self.is_out && self.password == newest_password
    }
}

/// A reset link that was mailed.
#[derive(Clone, Debug)]
pub struct Link {
    pub token: String,
    pub hash: String,
    /// The link must never work again.
    pub is_revoked: bool,
    /// The expiry of the newest link; older links are revoked anyway.
    pub ends_at: u64,
}

/// A confirmation link that was mailed.
#[derive(Clone, Debug)]
pub struct ConfirmationLink {
    pub token: String,
    pub hash: String,
    /// The canonical address that it was mailed to.
    pub address: String,
    /// The link must never work again.
    pub is_revoked: bool,
    /// The expiry of the newest link; older links are revoked anyway.
    pub ends_at: u64,
}

/// A revert link that was mailed.
#[derive(Clone, Debug)]
pub struct RevertLink {
    pub token: String,
    pub hash: String,
    /// The former address.
    pub former: Former,
    /// The link must never work again.
    pub is_revoked: bool,
}

/// A former address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    pub number: u64,
    /// As stored.
    pub email: String,
    /// The end of its reservation.
    pub until: u64,
}

/// The former addresses in a user's record.
pub fn former(record: &Value) -> Vec<Former> {
    let list = record["former_emails"].as_array();
    let former = list.into_iter().flatten().map(|item| Former {
        number: item["n"].as_u64().unwrap(),
        email: item["email"].as_str().unwrap().to_owned(),
        until: item["until"].as_u64().unwrap(),
    });
    former.collect()
}

/// All users.
#[derive(Default)]
pub struct People {
    pub all: BTreeMap<u64, Person>,
    /// Users who were deleted in an earlier round, with the expiry of the record of their deletion.
    pub deleted: BTreeMap<u64, (Person, u64)>,
    /// Sessions of users whose sign-up had no response.
    pub strangers: Vec<(u64, String, Session)>,
    counter: u64,
}

impl People {
    /// A new number.
    pub fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A new password that is not similar to any name.
    pub fn new_password(&mut self) -> String {
        format!("quiet-{:06}-marble-orchard", self.number())
    }
}

impl Person {
    /// A user who has just signed up.
    pub fn new(id: u64, username: &str, email: &str, password: &str) -> Self {
        Self {
            id,
            username: username.to_owned(),
            is_new: true,
            email: stored(email),
            password: password.to_owned(),
            version: 1,
            credentials: 1,
            passwords: 1,
            tried: BTreeSet::from([password.to_owned()]),
            newest_password: password.to_owned(),
            newest_state: ENABLED,
            ..Self::default()
        }
    }
}

/// User id, session hash and expiry of a session token.
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

/// User id and secret hash of a reset link.
pub fn link(token: &str) -> (u64, String) {
    let token = LinkToken::parse(token).unwrap();
    (token.user().number(), token.hash())
}

/// The canonical form of an address.
pub fn canonical(email: &str) -> String {
    EmailAddress::parse(email).unwrap().canonical().to_owned()
}

/// The stored form of an address.
pub fn stored(email: &str) -> String {
    EmailAddress::parse(email).unwrap().as_str().to_owned()
}
