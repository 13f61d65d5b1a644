//! An update of a user's own record, and its result.

use std::collections::BTreeMap;

use super::{SessionId, User};
use crate::domain::{email::EmailAddress, name::Name, password::Hash, user::Change};

/// The new values that a user requests; `None` leaves a field unchanged.
#[derive(Default)]
pub struct UserUpdate {
    /// The new address, or a new spelling of the current one.
    pub email: Option<EmailAddress>,
    /// The new first name.
    pub first_name: Option<Name>,
    /// The new last name.
    pub last_name: Option<Name>,
    /// The hash of the new password.
    pub password: Option<Hash>,
    /// The new value of the superuser flag.
    pub is_superuser: Option<bool>,
}

impl User {
    /// Returns the record with `update` applied and `write_id` set, and the kinds of changes; `None` if nothing
    /// changes. A new password ends all sessions but `session`.
    #[must_use]
    pub fn apply(
        &self,
        update: UserUpdate,
        session: &SessionId,
        write_id: String,
    ) -> Option<(Self, Vec<Change>)> {
        let mut after = self.clone();
        after.email = update.email.unwrap_or(after.email);
        after.first_name = update.first_name.unwrap_or(after.first_name);
        after.last_name = update.last_name.unwrap_or(after.last_name);
        after.is_superuser = update.is_superuser.unwrap_or(after.is_superuser);
        let mut changes = Vec::new();
        if !after.has_same_details(self) {
            changes.push(Change::Details);
        }
        if after.email.canonical() != self.email.canonical() {
            changes.push(Change::Email);
        }
        if let Some(password) = update.password {
            after.password = password;
            after.password_version += 1;
            after.sessions = self.only(session);
            changes.push(Change::Password);
        }
        if changes.is_empty() {
            return None;
        }
        if changes.iter().any(|change| *change != Change::Details) {
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

    /// Returns true if names, address and superuser flag are the same.
    pub(crate) fn has_same_details(&self, other: &Self) -> bool {
        self.email == other.email
            && self.first_name == other.first_name
            && self.last_name == other.last_name
            && self.is_superuser == other.is_superuser
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{clock::Timestamp, user::Session, user_id::UserId, username::Username};

    fn user() -> (User, SessionId) {
        let now = Timestamp::from_unix(1_000);
        let (mine, other) = (SessionId::of("mine"), SessionId::of("other"));
        let session = Session::start(1, now, Duration::from_mins(1), "curl");
        let user = User {
            id: UserId::from_random([1; 8]),
            username: Username::parse("jc123").unwrap(),
            email: EmailAddress::parse("john@example.com").unwrap(),
            first_name: Name::default(),
            last_name: Name::default(),
            password: Hash::from_stored("old".to_owned()),
            is_superuser: false,
            date_joined: now,
            record_version: 7,
            credentials_version: 3,
            password_version: 1,
            sessions: BTreeMap::from([(mine.clone(), session.clone()), (other, session)]),
            failed_attempts: None,
            last_write_id: String::new(),
        };
        (user, mine)
    }

    /// The record version, credentials version, number of sessions and changes after `update`.
    fn applied(update: UserUpdate) -> Option<(u64, u64, usize, Vec<Change>)> {
        let (user, session) = user();
        let (after, changes) = user.apply(update, &session, "me".to_owned())?;
        Some((
            after.record_version,
            after.credentials_version,
            after.sessions.len(),
            changes,
        ))
    }

    #[test]
    fn what_is_so_already_changes_nothing() {
        let update = UserUpdate {
            email: EmailAddress::parse("john@example.com").ok(),
            first_name: Some(Name::default()),
            is_superuser: Some(false),
            ..UserUpdate::default()
        };
        assert_eq!(applied(update), None);
    }

    #[test]
    fn only_a_password_and_another_address_make_other_credentials() {
        let spelling = EmailAddress::parse("JOHN@example.com").ok();
        let address = EmailAddress::parse("j@example.com").ok();
        let name = Name::parse("John").ok();
        let password = Some(Hash::from_stored("new".to_owned()));
        assert_eq!(
            applied(UserUpdate {
                first_name: name,
                ..UserUpdate::default()
            }),
            Some((8, 3, 2, vec![Change::Details]))
        );
        assert_eq!(
            applied(UserUpdate {
                email: spelling,
                ..UserUpdate::default()
            }),
            Some((8, 3, 2, vec![Change::Details]))
        );
        let both = vec![Change::Details, Change::Email];
        assert_eq!(
            applied(UserUpdate {
                email: address,
                ..UserUpdate::default()
            }),
            Some((8, 4, 2, both))
        );
        assert_eq!(
            applied(UserUpdate {
                password,
                ..UserUpdate::default()
            }),
            Some((8, 4, 1, vec![Change::Password]))
        );
    }
}
