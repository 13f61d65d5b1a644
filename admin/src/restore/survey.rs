//! What a restored table holds, and where its markers and its users disagree. Reads alone.
//!
//! A backup holds every item as it was, but two items may be from moments up to a second apart: a sign-up or a changed
//! address in that second leaves a user without its marker, or a marker without its user.

use std::collections::HashMap;

use shared::{
    domain::{user::User, user_id::UserId},
    store::{
        database::{Item, read},
        users::Users,
    },
};

use crate::scan::text;

/// What a restored table holds. Takes about 400 bytes for each user.
#[derive(Default)]
pub(crate) struct Survey {
    /// Those whose sessions still have to go.
    pub(crate) unprepared: Vec<UserId>,
    /// Those that an earlier run has prepared.
    pub(crate) prepared: usize,
    /// The keys of the two markers that each readable user must have.
    expected: HashMap<String, Vec<UserId>>,
    /// The markers that are there.
    markers: HashMap<String, UserId>,
    /// Keys of items that are neither, or cannot be read.
    pub(crate) unreadable: Vec<String>,
}

/// A marker and a user that disagree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The user has the name, but it does not lead to the user.
    Missing { key: String, user: UserId },
    /// The name leads to a user who is not there, or has another one.
    Stray { key: String, user: UserId },
    /// Several users have the same name: a person must decide.
    Disputed { key: String, users: Vec<UserId> },
}

impl Survey {
    /// Takes an item in. `writer` is how a prepared user is known.
    pub(crate) fn take(&mut self, item: Item, writer: &str) {
        let key = text(&item, "pk").unwrap_or_default().to_owned();
        let understood = if key.starts_with("user#") {
            self.take_user(&key, item, writer)
        } else {
            self.take_marker(&key, &item)
        };
        if understood.is_none() {
            self.unreadable.push(key);
        }
    }

    fn take_user(&mut self, key: &str, item: Item, writer: &str) -> Option<()> {
        let id = UserId::parse(key.strip_prefix("user#")?).ok()?;
        // Also if the rest cannot be read: sessions must end.
        if text(&item, "writer") == Some(writer) {
            self.prepared += 1;
        } else {
            self.unprepared.push(id);
        }
        let user: User = read(item).ok().filter(|user: &User| user.id == id)?;
        for key in Users::marker_keys(&user) {
            self.expected.entry(key).or_default().push(id);
        }
        Some(())
    }

    fn take_marker(&mut self, key: &str, item: &Item) -> Option<()> {
        let is_marker = key.starts_with("email#") || key.starts_with("username#");
        let number = item.get("id").filter(|_| is_marker)?.as_n().ok()?;
        let user = UserId::parse(number).ok()?;
        self.markers.insert(key.to_owned(), user);
        Some(())
    }

    /// How many markers are as they must be.
    pub(crate) fn right_markers(&self) -> usize {
        let is_right = |(key, user): &(&String, &UserId)| {
            self.expected
                .get(*key)
                .is_some_and(|users| users.as_slice() == [**user])
        };
        self.markers.iter().filter(is_right).count()
    }

    /// Everything that is wrong, in the order of the keys.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (key, user) in &self.markers {
            if !self.expected.contains_key(key) {
                let (key, user) = (key.clone(), *user);
                faults.push(Fault::Stray { key, user });
            }
        }
        for (key, users) in &self.expected {
            let key = key.clone();
            match (users.as_slice(), self.markers.get(&key)) {
                ([user], Some(there)) if user == there => {}
                ([user], Some(there)) => {
                    faults.push(Fault::Stray {
                        key: key.clone(),
                        user: *there,
                    });
                    faults.push(Fault::Missing { key, user: *user });
                }
                ([user], None) => faults.push(Fault::Missing { key, user: *user }),
                (users, _) => faults.push(Fault::Disputed {
                    key,
                    users: users.to_vec(),
                }),
            }
        }
        // Within a key the stray one first: it must go before the missing one can come.
        faults.sort_by(|a, b| a.key().cmp(b.key()));
        faults
    }
}

impl Fault {
    fn key(&self) -> &str {
        match self {
            Self::Missing { key, .. } | Self::Stray { key, .. } | Self::Disputed { key, .. } => key,
        }
    }

    /// A sentence for the operator, which has to name the address or username in question.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Missing { key, user } => {
                format!("{key} is missing: user {user} cannot be found by it")
            }
            Self::Stray { key, user } => {
                format!("{key} leads to user {user}, who is not there or has another one")
            }
            Self::Disputed { key, users } => {
                let users: Vec<_> = users.iter().map(ToString::to_string).collect();
                format!(
                    "{key} is claimed by the users {}: delete all but one",
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
    fn every_kind_of_disagreement_is_found() {
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
            ]),
            ..Survey::default()
        };
        let [b, c, d, e] = ["email#b", "email#c", "email#d", "email#e"].map(name);
        let found = [
            Fault::Stray {
                key: b.clone(),
                user: id(9),
            },
            Fault::Missing {
                key: b,
                user: id(2),
            },
            Fault::Missing {
                key: c,
                user: id(3),
            },
            Fault::Disputed {
                key: d,
                users: vec![id(4), id(5)],
            },
            Fault::Stray {
                key: e,
                user: id(9),
            },
        ];
        assert_eq!(survey.faults(), found);
        assert_eq!(survey.right_markers(), 1);
    }
}
