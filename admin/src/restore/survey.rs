//! Finds out what a restored table contains, and where its markers and its users disagree. Reads only.
//!
//! A backup contains every item, but two items may come from moments up to a second apart: a sign-up or a change of
//! address in that second leaves a user without its marker, or a marker without its user.

use std::collections::{HashMap, HashSet};

use shared::{
    domain::{clock::Timestamp, user::User, user_id::UserId},
    store::{
        database::{Item, read},
        users::Users,
    },
};

use crate::scan::{text, write_units};

/// The contents of a restored table. Takes about 400 bytes for each user.
pub(crate) struct Survey {
    /// The `writer` of a user that is prepared.
    mark: String,
    created_at: Timestamp,
    /// The users that were deleted since the backup. Nothing else here includes them.
    deleted: HashSet<UserId>,
    /// The keys of the items and markers of deleted users, with the user.
    pub(crate) revived: Vec<(String, UserId)>,
    /// Users that are not prepared yet, with the write units that an update consumes.
    pub(crate) unprepared: Vec<(UserId, u32)>,
    /// Number of users that an earlier run has prepared.
    pub(crate) prepared: usize,
    /// Number of users who signed up or logged in after the table was created. A restored table has none until it is in
    /// use, since its creation is later than its content.
    pub(crate) active_users: usize,
    /// Superusers, with their usernames.
    pub(crate) superusers: Vec<(UserId, String)>,
    /// The keys of the two markers that each valid user must have.
    expected: HashMap<String, Vec<UserId>>,
    /// The markers in the table.
    markers: HashMap<String, UserId>,
    /// The keys of addresses that are reserved for each valid user.
    expected_reservations: HashSet<(String, UserId)>,
    /// The reservations in the table.
    reservations: HashMap<String, UserId>,
    /// Keys of items that are neither users nor markers, or cannot be deserialized.
    pub(crate) unreadable: Vec<String>,
    /// Users that cannot be deserialized. Their markers may be right.
    pub(crate) unreadable_users: HashSet<UserId>,
}

/// A disagreement between a marker and a user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MarkerIssue {
    /// No marker leads from this name to the user who has it.
    Missing { key: String, user: UserId },
    /// The marker leads to a user who does not exist, or has another name.
    Orphaned { key: String, user: UserId },
    /// Several users have the same name. An operator has to decide.
    Conflicting { key: String, users: Vec<UserId> },
}

impl Survey {
    /// An empty survey of a table that was created at `created_at`. `mark` is the `writer` of a prepared user, and
    /// `deleted` contains the users who were deleted since the backup.
    pub(crate) fn new(mark: &str, created_at: Timestamp, deleted: HashSet<UserId>) -> Self {
        Self {
            mark: mark.to_owned(),
            created_at,
            deleted,
            revived: Vec::new(),
            unprepared: Vec::new(),
            prepared: 0,
            active_users: 0,
            superusers: Vec::new(),
            expected: HashMap::new(),
            markers: HashMap::new(),
            expected_reservations: HashSet::new(),
            reservations: HashMap::new(),
            unreadable: Vec::new(),
            unreadable_users: HashSet::new(),
        }
    }

    /// Adds an item.
    pub(crate) fn take(&mut self, item: Item) {
        let key = text(&item, "pk").unwrap_or_default().to_owned();
        let understood = if key.starts_with("user#") {
            self.take_user(&key, item)
        } else {
            self.take_marker(&key, &item)
        };
        if understood.is_none() {
            self.unreadable.push(key);
        }
    }

    fn take_user(&mut self, key: &str, item: Item) -> Option<()> {
        let id = UserId::parse(key.strip_prefix("user#")?).ok()?;
        if self.deleted.contains(&id) {
            self.revived.push((key.to_owned(), id));
            return Some(());
        }
        // Before the item is deserialized: the sessions of an invalid user must end too, and a superuser must be
        // listed.
        if text(&item, "writer") == Some(&self.mark) {
            self.prepared += 1;
        } else {
            self.unprepared.push((id, write_units(&item)));
        }
        let is_superuser = item
            .get("is_superuser")
            .and_then(|flag| flag.as_bool().ok());
        if is_superuser == Some(&true) {
            let username = text(&item, "username").unwrap_or_default();
            self.superusers.push((id, username.to_owned()));
        }
        let Some(user) = read(item).ok().filter(|user: &User| user.id == id) else {
            self.unreadable_users.insert(id);
            return None;
        };
        let is_new = |instant: Timestamp| instant > self.created_at;
        let mut sessions = user.sessions.values();
        if is_new(user.date_joined) || sessions.any(|session| is_new(session.created_at)) {
            self.active_users += 1;
        }
        let reserved = Users::reservation_keys(&user);
        self.expected_reservations
            .extend(reserved.into_iter().map(|key| (key, id)));
        for key in Users::marker_keys(&user) {
            self.expected.entry(key).or_default().push(id);
        }
        Some(())
    }

    fn take_marker(&mut self, key: &str, item: &Item) -> Option<()> {
        let is_marker = key.starts_with("email#") || key.starts_with("username#");
        let number = item.get("id").filter(|_| is_marker)?.as_n().ok()?;
        let user = UserId::parse(number).ok()?;
        if self.deleted.contains(&user) {
            self.revived.push((key.to_owned(), user));
            return Some(());
        }
        let markers = if item.contains_key("reserved_until") {
            &mut self.reservations
        } else {
            &mut self.markers
        };
        markers.insert(key.to_owned(), user);
        Some(())
    }

    /// Counts the markers that match their users.
    pub(crate) fn valid_markers(&self) -> usize {
        let is_valid = |(key, user): &(&String, &UserId)| {
            self.expected
                .get(*key)
                .is_some_and(|users| users.as_slice() == [**user])
        };
        self.markers.iter().filter(is_valid).count()
    }

    /// Returns every issue, ordered by key.
    pub(crate) fn issues(&self) -> Vec<MarkerIssue> {
        let mut issues = Vec::new();
        for (key, user) in &self.markers {
            if !self.expected.contains_key(key) && !self.unreadable_users.contains(user) {
                let (key, user) = (key.clone(), *user);
                issues.push(MarkerIssue::Orphaned { key, user });
            }
        }
        for (key, user) in &self.reservations {
            let reservation = (key.clone(), *user);
            let is_unreadable = self.unreadable_users.contains(user);
            if !self.expected_reservations.contains(&reservation) && !is_unreadable {
                let (key, user) = reservation;
                issues.push(MarkerIssue::Orphaned { key, user });
            }
        }
        for (key, users) in &self.expected {
            let key = key.clone();
            match (users.as_slice(), self.markers.get(&key)) {
                ([user], Some(actual)) if user == actual => {}
                ([user], Some(actual)) => {
                    issues.push(MarkerIssue::Orphaned {
                        key: key.clone(),
                        user: *actual,
                    });
                    issues.push(MarkerIssue::Missing { key, user: *user });
                }
                ([user], None) => issues.push(MarkerIssue::Missing { key, user: *user }),
                (users, _) => issues.push(MarkerIssue::Conflicting {
                    key,
                    users: users.to_vec(),
                }),
            }
        }
        // Within a key the orphaned one first: it has to be deleted before the missing one can be created.
        issues.sort_by(|a, b| a.key().cmp(b.key()));
        issues
    }
}

impl MarkerIssue {
    fn key(&self) -> &str {
        match self {
            Self::Missing { key, .. }
            | Self::Orphaned { key, .. }
            | Self::Conflicting { key, .. } => key,
        }
    }

    /// Describes the issue to the operator. Contains the address or username concerned.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Missing { key, user } => {
                format!("{key} is missing, so user {user} cannot be found by it")
            }
            Self::Orphaned { key, user } => {
                format!("{key} leads to user {user}, who does not exist or has another one")
            }
            Self::Conflicting { key, users } => {
                let users: Vec<_> = users.iter().map(ToString::to_string).collect();
                format!(
                    "{key} belongs to several users ({}); decide who keeps it and give the others another one",
                    users.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> UserId {
        UserId::new(number).unwrap()
    }

    #[test]
    fn every_kind_of_issue_is_found() {
        let name = |text: &str| text.to_owned();
        let survey = Survey {
            expected: HashMap::from([
                (name("email#a"), vec![id(1)]),
                (name("email#b"), vec![id(2)]),
                (name("email#c"), vec![id(3)]),
                (name("email#d"), vec![id(4), id(5)]),
            ]),
            markers: HashMap::from([
                (name("email#a"), id(1)),
                (name("email#b"), id(9)),
                (name("email#d"), id(4)),
                (name("email#e"), id(9)),
                (name("email#f"), id(6)),
            ]),
            unreadable_users: HashSet::from([id(6)]),
            ..Survey::new("restored#table", Timestamp::from_unix(0), HashSet::new())
        };
        let [b, c, d, e] = ["email#b", "email#c", "email#d", "email#e"].map(name);
        let found = [
            MarkerIssue::Orphaned {
                key: b.clone(),
                user: id(9),
            },
            MarkerIssue::Missing {
                key: b,
                user: id(2),
            },
            MarkerIssue::Missing {
                key: c,
                user: id(3),
            },
            MarkerIssue::Conflicting {
                key: d,
                users: vec![id(4), id(5)],
            },
            MarkerIssue::Orphaned {
                key: e,
                user: id(9),
            },
        ];
        assert_eq!(survey.issues(), found);
        assert_eq!(survey.valid_markers(), 1);
    }
}
