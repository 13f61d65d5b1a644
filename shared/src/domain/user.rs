//! A user's record: one item with everything that a request needs about its caller. [`View`] is its form in responses,
//! `Stored` its form in the table.

mod address;
mod change;
mod former_email;
mod pending_email;
mod session;
mod stored;
mod update;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::pending_email::PendingEmail;
use self::stored::Stored;
pub use self::{
    address::AddressRules,
    change::Change,
    former_email::{FormerEmail, MAX_FORMER_EMAILS, StoredRevertToken},
    session::{MAX_SESSIONS, Session, SessionId},
    update::UserUpdate,
    view::View,
};
use crate::domain::{
    clock::Timestamp,
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

    /// Returns a counter of wrong passwords, if there were any since the last right one.
    #[must_use]
    pub const fn failed_attempts(&self, counter: PasswordCounter) -> Option<&FailedAttempts> {
        match counter {
            PasswordCounter::LogIn => self.failed_log_ins.as_ref(),
            PasswordCounter::CurrentPassword => self.failed_current_passwords.as_ref(),
        }
    }

    /// Returns the [`record_version`](Self::record_version) that the next change gives the record.
    #[must_use]
    pub const fn next_version(&self) -> u64 {
        self.record_version + 1
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
