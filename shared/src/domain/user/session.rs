//! The sessions of a user.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::User;
use crate::domain::{clock::Timestamp, digest::sha256_hex};

/// Maximum number of sessions of a user; a further log-in ends the oldest.
pub const MAX_SESSIONS: usize = 10;

/// Maximum number of bytes of a stored user agent.
const MAX_USER_AGENT: usize = 60;

/// A session: a log-in that has not been signed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The time of the log-in.
    #[serde(rename = "c")]
    pub created_at: Timestamp,
    /// The time from which its token is invalid.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// Orders sessions of the same second: one more than the largest earlier number.
    #[serde(rename = "n")]
    pub number: u64,
    /// The client's `User-Agent` header, reduced to printable ASCII and truncated.
    #[serde(rename = "u")]
    pub user_agent: String,
}

/// Identifies a session: the first 128 bits of the SHA-256 hash of its token's `jti`, in hex. The token cannot be
/// derived from the table, not even with the signing key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// The id of the session whose token has this `jti`.
    #[must_use]
    pub fn of(jti: &str) -> Self {
        Self(sha256_hex(jti.as_bytes()).chars().take(32).collect())
    }

    /// Parses an id. Returns `None` unless it is 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 32 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The id as 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Session {
    /// Creates the session with this number, from `now` for `lifetime`.
    #[must_use]
    pub fn start(number: u64, now: Timestamp, lifetime: Duration, user_agent: &str) -> Self {
        let printable = user_agent
            .chars()
            .filter(|character| matches!(character, ' '..='~'));
        Self {
            created_at: now,
            number,
            expires_at: now + lifetime,
            user_agent: printable.take(MAX_USER_AGENT).collect(),
        }
    }
}

impl User {
    /// Returns true if `session` exists and has not expired at `now`.
    #[must_use]
    pub fn has_session(&self, session: &SessionId, now: Timestamp) -> bool {
        self.sessions
            .get(session)
            .is_some_and(|session| now < session.expires_at)
    }

    /// The sessions to end when a new one starts at `now`: the expired ones and, if [`MAX_SESSIONS`] others are left,
    /// the oldest.
    #[must_use]
    pub fn sessions_to_end(&self, now: Timestamp) -> Vec<SessionId> {
        let (active, expired): (Vec<_>, Vec<_>) = self
            .sessions
            .iter()
            .partition(|(_, session)| now < session.expires_at);
        let surplus = (active.len() + 1).saturating_sub(MAX_SESSIONS);
        let mut oldest_first = active;
        oldest_first.sort_by_key(|(_, session)| (session.created_at, session.number));
        expired
            .into_iter()
            .chain(oldest_first.into_iter().take(surplus))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The number of the user's next session.
    #[must_use]
    pub fn next_session_number(&self) -> u64 {
        self.sessions
            .values()
            .map(|session| session.number + 1)
            .max()
            .unwrap_or(1)
    }
}
