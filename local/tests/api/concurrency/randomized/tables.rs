//! The tables after a round: every item belongs to a user, and the names of every user lead to it.

use std::collections::BTreeMap;

use super::{
    check::Round,
    people::{canonical, former},
};

/// The maximum number of sessions of a user.
pub const SESSIONS: usize = 10;

impl Round<'_> {
    pub(super) fn check_tables(&mut self) {
        self.check_markers();
        self.check_transient();
    }

    fn check_markers(&mut self) {
        let rest = self.rest;
        let mut markers = rest.markers.clone();
        for (id, record) in &rest.users {
            let email = canonical(record["email"].as_str().unwrap());
            let username = record["username"].as_str().unwrap().to_lowercase();
            // A former address has a marker while it is reserved, and until another change finds that it is not.
            let now = rest.now;
            let mut reserved: BTreeMap<String, u64> = BTreeMap::new();
            for former in former(record) {
                let until = reserved.entry(canonical(&former.email)).or_default();
                *until = former.until.max(*until);
            }
            reserved.remove(&email);
            for (address, until) in reserved {
                let key = format!("email#{address}");
                if markers.get(&key) == Some(id) {
                    markers.remove(&key);
                } else if until > now {
                    self.blame(Some(*id), format!("{key} is not reserved"));
                }
            }
            let is_disabled = record.get("disabled_at").is_some();
            for key in [format!("email#{email}"), format!("username#{username}")] {
                if markers.remove(&key) != Some(*id) {
                    self.blame(Some(*id), format!("{key} does not refer to its user"));
                }
                if rest.disabled_markers.contains(&key) != is_disabled {
                    self.blame(
                        Some(*id),
                        format!("{key} and its user are not disabled alike"),
                    );
                }
            }
            if record["sessions"].as_object().unwrap().len() > SESSIONS {
                self.blame(Some(*id), "too many sessions".to_owned());
            }
        }
        for (key, id) in markers {
            self.blame(Some(id), format!("{key} refers to no user"));
        }
    }

    fn check_transient(&mut self) {
        let rest = self.rest;
        for (key, item) in &rest.transient {
            if !item["expires_at"].is_u64() {
                self.blame(None, format!("{key} has no expiry"));
            }
            let owner = owner(key);
            let is_owned = owner.is_some_and(|id| self.may_own(id, key));
            if !is_owned && !key.starts_with("void#") {
                self.blame(owner, format!("{key} belongs to no user"));
            }
            if item["state"] == "queued" || item["state"] == "failed" {
                self.blame(owner, format!("a mail was not sent: {item}"));
            }
        }
        if rest.keys != ["jwks", "signing"] {
            self.blame(None, format!("unexpected keys: {:?}", rest.keys));
        }
    }
}

/// The user of an item of the transient table.
pub fn owner(key: &str) -> Option<u64> {
    let mut parts = key.split('#').filter_map(|part| part.parse().ok());
    parts.next()
}
