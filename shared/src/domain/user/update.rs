//! A change that a user requests, and the record that results from it.

use std::{collections::BTreeMap, time::Duration};

use super::{AddressRules, Change, SessionId, User};
use crate::domain::{
    clock::Timestamp,
    email::EmailAddress,
    locale::Locale,
    name::Name,
    password::{Hash, NewPassword},
    rate_limit::Window,
    settings::Limits,
};

/// The time in which changes of an account's address and password are counted.
const CHANGE_WINDOW: Duration = Duration::from_hours(24);

/// The details that a user wants to change; `None` leaves a detail unchanged.
#[derive(Default)]
pub struct UserUpdate {
    /// Another address, or another spelling of the current one.
    pub email: Option<EmailAddress>,
    /// True if the current address leaves a pending one as it is; otherwise it withdraws it.
    pub keeps_pending_email: bool,
    /// Another first name.
    pub first_name: Option<Name>,
    /// Another last name.
    pub last_name: Option<Name>,
    /// Another language.
    pub locale: Option<Locale>,
    /// Another password.
    pub password: Option<NewPassword>,
    /// Another value of the superuser flag.
    pub is_superuser: Option<bool>,
}

impl User {
    /// Returns the time until `update` is allowed, if the account has had as many changes of the address, or of the
    /// password, as `limits` allow in 24 hours, or has too many former addresses that are reserved.
    #[must_use]
    pub fn time_over_change_limit(
        &self,
        update: &UserUpdate,
        rules: AddressRules,
        limits: &Limits,
        now: Timestamp,
    ) -> Option<Duration> {
        let rest = |window: Option<&Window>, max| window?.time_over_limit(max, now);
        let email = self
            .would_change_address(update, rules)
            .then(|| rest(self.email_changes.as_ref(), limits.email_changes_per_day));
        let password = update.password.as_ref().map(|_| {
            rest(
                self.password_changes.as_ref(),
                limits.password_changes_per_day,
            )
        });
        let former = if self.would_change_address(update, rules) {
            self.time_to_next_former_email(now)
        } else {
            None
        };
        email.flatten().max(password.flatten()).max(former)
    }

    /// Returns the record with `update` applied at `now` on behalf of `session`, and the kinds of change; `None` if nothing
    /// changes. `new_hash` is the hash of the update's password, and `write_id` the id of the write that will store the
    /// record.
    #[must_use]
    pub fn apply(
        &self,
        update: UserUpdate,
        new_hash: Option<Hash>,
        session: &SessionId,
        write_id: String,
        now: Timestamp,
        rules: AddressRules,
    ) -> Option<(Self, Vec<Change>)> {
        let mut after = self.clone();
        match update.email {
            // The pending address was authorized by the old password, which may no longer be secret.
            Some(email) => {
                let keeps_pending = update.keeps_pending_email && new_hash.is_none();
                after.set_email(email, keeps_pending, rules);
            }
            None if new_hash.is_some() => after.pending_email = None,
            None => {}
        }
        after.first_name = update.first_name.unwrap_or(after.first_name);
        after.last_name = update.last_name.unwrap_or(after.last_name);
        after.locale = update.locale.or(after.locale);
        after.is_superuser = update.is_superuser.unwrap_or(after.is_superuser);
        let mut changes = Vec::new();
        if !after.has_same_details(self) {
            changes.push(Change::Details);
        }
        if after.email.canonical() != self.email.canonical() {
            after.email_changes = Some(one_more(self.email_changes.as_ref(), now));
            changes.push(Change::Email);
            after.email_verified = false;
            after.former_emails = self.former_emails_after_change(now, rules.revert_lifetime);
        }
        if after.pending_email.is_some() && after.pending_email != self.pending_email {
            after.email_changes = Some(one_more(self.email_changes.as_ref(), now));
            changes.push(Change::EmailRequested);
        }
        if let Some(hash) = new_hash {
            after.password = hash;
            after.password_version += 1;
            after.password_changes = Some(one_more(self.password_changes.as_ref(), now));
            after.sessions = self.only(session);
            changes.push(Change::Password);
        }
        if changes.is_empty() {
            return None;
        }
        let is_of_credentials = |change| matches!(change, Change::Email | Change::Password);
        if changes.iter().copied().any(is_of_credentials) {
            after.credentials_version += 1;
        }
        after.record_version += 1;
        after.last_write_id = write_id;
        Some((after, changes))
    }

    fn only(&self, session: &SessionId) -> BTreeMap<SessionId, super::Session> {
        let mine = self.sessions.get_key_value(session);
        mine.map(|(id, session)| (id.clone(), session.clone()))
            .into_iter()
            .collect()
    }

    /// Returns true if names, addresses, language and superuser flag are the same.
    pub(crate) fn has_same_details(&self, other: &Self) -> bool {
        self.email == other.email
            && self.pending_email == other.pending_email
            && self.first_name == other.first_name
            && self.last_name == other.last_name
            && self.locale == other.locale
            && self.is_superuser == other.is_superuser
    }
}

fn one_more(seen: Option<&Window>, now: Timestamp) -> Window {
    Window::after_one_more(seen, now, CHANGE_WINDOW)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::domain::{role::Roles, user::Session, user_id::UserId, username::Username};

    fn user() -> (User, SessionId) {
        let now = Timestamp::from_unix(1_000);
        let (mine, other) = (SessionId::of("mine"), SessionId::of("other"));
        let session = Session::start(1, now, Duration::from_mins(1), "curl");
        let user = User {
            id: UserId::from_random([1; 8]),
            username: Username::parse("jc123").unwrap(),
            email: EmailAddress::parse("john@example.com").unwrap(),
            email_verified: true,
            pending_email: None,
            former_emails: Vec::new(),
            first_name: Name::default(),
            last_name: Name::default(),
            locale: None,
            password: Hash::from_stored("old".to_owned()),
            is_superuser: false,
            roles: Roles::default(),
            disabled_at: None,
            date_joined: now,
            record_version: 7,
            credentials_version: 3,
            password_version: 1,
            sessions: BTreeMap::from([(mine.clone(), session.clone()), (other, session)]),
            failed_log_ins: None,
            failed_current_passwords: None,
            email_changes: None,
            password_changes: None,
            last_write_id: String::new(),
        };
        (user, mine)
    }

    /// Returns record version, credentials version, number of sessions, and changes.
    fn applied(
        update: UserUpdate,
        new_hash: Option<&str>,
    ) -> Option<(u64, u64, usize, Vec<Change>)> {
        let (user, session) = user();
        let new_hash = new_hash.map(|hash| Hash::from_stored(hash.to_owned()));
        let (after, changes) = user.apply(
            update,
            new_hash,
            &session,
            "write".to_owned(),
            Timestamp::from_unix(1_000),
            AddressRules::default(),
        )?;
        Some((
            after.record_version,
            after.credentials_version,
            after.sessions.len(),
            changes,
        ))
    }

    #[test]
    fn current_values_change_nothing() {
        let update = UserUpdate {
            email: EmailAddress::parse("john@example.com").ok(),
            first_name: Some(Name::default()),
            is_superuser: Some(false),
            ..UserUpdate::default()
        };
        assert_eq!(applied(update, None), None);
    }

    #[test]
    fn only_another_address_is_not_verified() {
        let verified_after = |address| {
            let (user, session) = user();
            let update = UserUpdate {
                email: EmailAddress::parse(address).ok(),
                ..UserUpdate::default()
            };
            let (write_id, now) = ("write".to_owned(), Timestamp::from_unix(2_000));
            let applied = user.apply(
                update,
                None,
                &session,
                write_id,
                now,
                AddressRules::default(),
            );
            applied.unwrap().0.email_verified
        };
        assert!(verified_after("JOHN@example.com"));
        assert!(!verified_after("j@example.com"));
    }

    #[test]
    fn password_and_address_change_the_credentials_version() {
        let name = UserUpdate {
            first_name: Name::parse("John").ok(),
            ..UserUpdate::default()
        };
        let details = Some((8, 3, 2, vec![Change::Details]));
        assert_eq!(applied(name, None), details);
        let spelling = UserUpdate {
            email: EmailAddress::parse("JOHN@example.com").ok(),
            ..UserUpdate::default()
        };
        assert_eq!(applied(spelling, None), details);
        let address = UserUpdate {
            email: EmailAddress::parse("j@example.com").ok(),
            ..UserUpdate::default()
        };
        let both = vec![Change::Details, Change::Email];
        assert_eq!(applied(address, None), Some((8, 4, 2, both)));
        assert_eq!(
            applied(UserUpdate::default(), Some("new")),
            Some((8, 4, 1, vec![Change::Password]))
        );
    }
}
