//! The operator, who changes users past the functions by the writes that `admin user` makes, each with its record in the audit
//! trail.

use std::sync::Mutex;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::header::HeaderMap;
use serde_json::json;
use shared::{
    domain::{clock::Timestamp, random::Random, role::RoleName, user_id::UserId},
    store::{
        audit_trail::{AuditTrail, OperatorChange},
        database::{Database, Error},
        user_events::UserEvents,
        users::{OperatorOutcome, RoleAdded, Users},
    },
};

use super::case::{DISABLED, ENABLED};
use crate::support::{
    app::TestApp,
    response::Response,
    tables::{AUDIT, Tables, USERS},
};

/// The roles that the operator gives and takes.
pub const ROLES: [&str; 3] = ["auditor", "editor", "sales:eu"];

/// Another seed than that of the app, so that no two writes have the same id.
const SEED: u64 = 2_000_000;

/// The status of a change that was applied.
pub const APPLIED: u16 = 200;

/// The status of a change that was not needed.
pub const UNCHANGED: u16 = 304;

/// The status of a change of a user who does not exist.
pub const NOT_FOUND: u16 = 404;

/// The status of a change that concurrent requests prevented.
pub const PREVENTED: u16 = 503;

/// A change by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Disable,
    Enable,
    AddRole(&'static str),
    RemoveRole(&'static str),
}

impl Change {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Disable => "admin user disable",
            Self::Enable => "admin user enable",
            Self::AddRole(_) => "admin user add-role",
            Self::RemoveRole(_) => "admin user remove-role",
        }
    }

    /// The state of the account afterwards, if the change is about it.
    pub const fn state(&self) -> Option<&'static str> {
        match self {
            Self::Disable => Some(DISABLED),
            Self::Enable => Some(ENABLED),
            Self::AddRole(_) | Self::RemoveRole(_) => None,
        }
    }

    /// The role that the change is about, and whether the user has it afterwards.
    pub const fn role(&self) -> Option<(&'static str, bool)> {
        match self {
            Self::AddRole(role) => Some((role, true)),
            Self::RemoveRole(role) => Some((role, false)),
            Self::Disable | Self::Enable => None,
        }
    }
}

/// The operator of an app.
pub struct Operator {
    users: Users,
    events: UserEvents,
    audit_trail: AuditTrail,
}

impl Operator {
    pub fn of(app: &TestApp) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(SEED));
        let random = Random::new(move |bytes| random.lock().unwrap().fill_bytes(bytes));
        let database = Database::new(Tables::of(app).client(), random);
        Self {
            users: Users::new(database.clone(), USERS),
            events: UserEvents::new(database.clone(), None),
            audit_trail: AuditTrail::new(database, AUDIT),
        }
    }

    /// Changes a user at `now`. Returns the outcome in the form of a response.
    pub async fn change(&self, user: u64, change: &Change, now: u64) -> Response {
        let (user, now) = (UserId::new(user).unwrap(), Timestamp::from_unix(now));
        let record = OperatorChange::new("local", change.name(), Some(user), now);
        let also = [self.audit_trail.change(&record).unwrap()];
        let (users, events) = (&self.users, &self.events);
        let changed = match change {
            Change::Disable => users.disable(user, now, events, &also).await.map(status),
            Change::Enable => users.enable(user, now, events, &also).await.map(status),
            Change::AddRole(role) => {
                let added = users.add_role(user, &name(role), &also).await;
                added.map(status_of_role)
            }
            Change::RemoveRole(role) => {
                let removed = users.remove_role(user, &name(role), &also).await;
                removed.map(status)
            }
        };
        let (status, text) = match changed {
            Ok(status) => (status, String::new()),
            Err(error @ Error::Unavailable { .. }) => {
                (PREVENTED, json!({"detail": error.to_string()}).to_string())
            }
            Err(error) => panic!("{change:?}: {error}"),
        };
        Response {
            status,
            headers: HeaderMap::new(),
            text,
        }
    }
}

fn name(role: &str) -> RoleName {
    RoleName::parse(role).unwrap()
}

const fn status(outcome: OperatorOutcome) -> u16 {
    match outcome {
        OperatorOutcome::Done => APPLIED,
        OperatorOutcome::Unchanged => UNCHANGED,
        OperatorOutcome::NotFound => NOT_FOUND,
    }
}

fn status_of_role(outcome: RoleAdded) -> u16 {
    match outcome {
        RoleAdded::Done => APPLIED,
        RoleAdded::Unchanged => UNCHANGED,
        RoleAdded::NotFound => NOT_FOUND,
        RoleAdded::TooMany => panic!("there are not that many roles"),
    }
}
