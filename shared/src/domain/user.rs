//! A user's record: one item with everything that a request needs about its caller. [`View`] is its form in responses,
//! `Stored` its form in the table.

mod change;
mod former_email;
mod pending_email;
mod stored;
mod update;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

pub(crate) use self::pending_email::PendingEmail;
use self::stored::Stored;
pub use self::{
    change::Change,
    former_email::{FormerEmail, MAX_FORMER_EMAILS, StoredRevertToken},
    update::{AddressRules, UserUpdate},
};
use crate::domain::{
    clock::Timestamp,
    digest::sha256_hex,
    email::EmailAddress,
    link_token::{AddressBinding, CredentialsBinding},
    locale::Locale,
    name::Name,
    password::{self, PersonalWords},
    rate_limit::Window,
    role::Roles,
    throttle::{FailedAttempts, PasswordCounter},
    user_id::UserId,
    username::Username,
};

/// Maximum number of sessions of a user; a further log-in ends the oldest.
pub const MAX_SESSIONS: usize = 10;

/// Maximum number of bytes of a stored user agent.
const MAX_USER_AGENT: usize = 60;

/// A user. No `Debug`, since it contains the password hash and the address.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct User {
    /// The id, drawn at random at sign-up.
    pub id: UserId,
    /// The username, chosen at sign-up and never changed.
    pub username: Username,
    /// The e-mail address.
    pub email: EmailAddress,
    /// True if the user has proved, by the link in a mail, to receive mail at the address.
    pub email_verified: bool,
    /// The address that replaces [`Self::email`] once it is confirmed.
    pub pending_email: Option<EmailAddress>,
    /// Verified addresses that the account had; some may not be reserved any more.
    pub former_emails: Vec<FormerEmail>,
    /// The first name, which may be empty.
    pub first_name: Name,
    /// The last name, which may be empty.
    pub last_name: Name,
    /// The language that the user reads; `None` for the deployment's default.
    pub locale: Option<Locale>,
    /// The password hash: Argon2id, as a PHC string.
    pub password: password::Hash,
    /// True if the user may read all users.
    pub is_superuser: bool,
    /// The roles that the operator gave to the user.
    pub roles: Roles,
    /// The time at which the operator disabled the account; `None` for an account in use.
    pub disabled_at: Option<Timestamp>,
    /// The time of sign-up.
    pub date_joined: Timestamp,
    /// A counter of the changes to the record that a person makes; log-ins, log-outs and failed attempts leave it as it
    /// is.
    pub record_version: u64,
    /// A counter of new passwords, resets and new addresses: reset links, and log-ins in progress, that
    /// started from an earlier value are invalid.
    pub credentials_version: u64,
    /// A counter of new passwords and resets: quotas counted under an earlier value are reset.
    pub password_version: u64,
    /// The sessions that have not been ended; some may have expired.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Wrong passwords at log-in since the last right one.
    pub failed_log_ins: Option<FailedAttempts>,
    /// Wrong values of `current-password` since the last right one.
    pub failed_current_passwords: Option<FailedAttempts>,
    /// The changes of the address in the last window of 24 hours.
    pub email_changes: Option<Window>,
    /// The changes of the password in the last window of 24 hours. Resets do not count.
    pub password_changes: Option<Window>,
    /// The id of the last write to the item: identifies one's own write after its response was lost.
    pub last_write_id: String,
}

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

/// The details of a user who signs up.
pub struct NewUser {
    /// The username.
    pub username: Username,
    /// The e-mail address.
    pub email: EmailAddress,
    /// The first name, which may be empty.
    pub first_name: Name,
    /// The last name, which may be empty.
    pub last_name: Name,
    /// The language that the user reads; `None` for the deployment's default.
    pub locale: Option<Locale>,
}

impl User {
    /// Returns the record of a user who signs up, without a session. `write_id` is the id of the write that will store
    /// it.
    #[must_use]
    pub fn new(
        id: UserId,
        new: NewUser,
        password: password::Hash,
        now: Timestamp,
        write_id: String,
    ) -> Self {
        Self {
            id,
            username: new.username,
            email: new.email,
            email_verified: false,
            pending_email: None,
            former_emails: Vec::new(),
            first_name: new.first_name,
            last_name: new.last_name,
            locale: new.locale,
            password,
            is_superuser: false,
            roles: Roles::default(),
            disabled_at: None,
            date_joined: now,
            record_version: 1,
            credentials_version: 1,
            password_version: 1,
            sessions: BTreeMap::new(),
            failed_log_ins: None,
            failed_current_passwords: None,
            email_changes: None,
            password_changes: None,
            last_write_id: write_id,
        }
    }

    /// Returns true if the operator disabled the account. The store returns such users to the operator only.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }

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

    /// Returns a counter of wrong passwords, if there were any since the last right one.
    #[must_use]
    pub const fn failed_attempts(&self, counter: PasswordCounter) -> Option<&FailedAttempts> {
        match counter {
            PasswordCounter::LogIn => self.failed_log_ins.as_ref(),
            PasswordCounter::CurrentPassword => self.failed_current_passwords.as_ref(),
        }
    }

    /// Returns the state that a reset link must have been sent for.
    #[must_use]
    pub const fn credentials_binding(&self) -> CredentialsBinding {
        CredentialsBinding {
            credentials_version: self.credentials_version,
        }
    }

    /// Returns the state that a confirmation link must have been sent for.
    #[must_use]
    pub fn address_binding(&self) -> AddressBinding {
        AddressBinding::to(&self.email)
    }

    /// Returns the words that the user's password must not be made of.
    #[must_use]
    pub fn personal_words(&self) -> PersonalWords {
        PersonalWords::default()
            .with_email(&self.email)
            .with_username(&self.username)
            .with_names(&self.first_name, &self.last_name)
    }
}

/// A user as in responses: exactly these fields; `pending_email` and `locale` only if there is one.
#[derive(Serialize)]
pub struct View<'a> {
    id: UserId,
    username: &'a str,
    email: &'a str,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<&'a str>,
    first_name: &'a str,
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    is_superuser: bool,
    date_joined: String,
}

impl<'a> From<&'a User> for View<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            username: user.username.as_str(),
            email: user.email.as_str(),
            email_verified: user.email_verified,
            pending_email: user.pending_email.as_ref().map(EmailAddress::as_str),
            first_name: user.first_name.as_str(),
            last_name: user.last_name.as_str(),
            locale: user.locale.as_ref().map(Locale::as_str),
            is_superuser: user.is_superuser,
            date_joined: user.date_joined.to_string(),
        }
    }
}
