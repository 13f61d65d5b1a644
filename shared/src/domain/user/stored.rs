//! A user as stored. Attribute names change only with a migration, and every new attribute has a default: items of all
//! released versions must remain readable, which `shared/tests/stored.rs` checks. Values are not validated: rules are for
//! what callers send, and a stricter rule must not lock out a user who is stored already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FormerEmail, PendingEmail, Session, SessionId, User};
use crate::domain::{
    clock::Timestamp,
    email::{CanonicalForm, EmailAddress},
    locale::Locale,
    name::Name,
    password,
    rate_limit::Window,
    role::Roles,
    throttle::FailedAttempts,
    user_id::UserId,
    username::Username,
};

/// A user as the attributes of its item.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    id: UserId,
    username: String,
    email: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email_canonical: Option<CanonicalForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former_emails: Vec<FormerEmail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending_email: Option<PendingEmail>,
    first_name: String,
    last_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    password_hash: String,
    is_superuser: bool,
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    roles: Roles,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    date_joined: Timestamp,
    version: u64,
    credentials: u64,
    passwords: u64,
    sessions: BTreeMap<SessionId, Session>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failures: Option<FailedAttempts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current_password_failures: Option<FailedAttempts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email_changes: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_changes: Option<Window>,
    writer: String,
}

impl From<Stored> for User {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            username: Username::from_stored(stored.username),
            email: EmailAddress::from_stored(stored.email, stored.email_canonical),
            email_verified: stored.email_verified,
            former_emails: stored.former_emails,
            pending_email: stored.pending_email.map(EmailAddress::from),
            first_name: Name::from_stored(stored.first_name),
            last_name: Name::from_stored(stored.last_name),
            locale: stored.locale,
            password: password::Hash::from_stored(stored.password_hash),
            is_superuser: stored.is_superuser,
            roles: stored.roles,
            disabled_at: stored.disabled_at,
            date_joined: stored.date_joined,
            record_version: stored.version,
            credentials_version: stored.credentials,
            password_version: stored.passwords,
            sessions: stored.sessions,
            failed_log_ins: stored.failures,
            failed_current_passwords: stored.current_password_failures,
            email_changes: stored.email_changes,
            password_changes: stored.password_changes,
            last_write_id: stored.writer,
        }
    }
}

impl From<User> for Stored {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            username: user.username.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            email_canonical: user.email.canonical_form(),
            former_emails: user.former_emails,
            pending_email: user.pending_email.as_ref().map(PendingEmail::from),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            locale: user.locale,
            password_hash: user.password.as_str().to_owned(),
            is_superuser: user.is_superuser,
            roles: user.roles,
            disabled_at: user.disabled_at,
            date_joined: user.date_joined,
            version: user.record_version,
            credentials: user.credentials_version,
            passwords: user.password_version,
            sessions: user.sessions,
            failures: user.failed_log_ins,
            current_password_failures: user.failed_current_passwords,
            email_changes: user.email_changes,
            password_changes: user.password_changes,
            writer: user.last_write_id,
        }
    }
}
