//! The operator, who changes users past the functions, as `admin` does.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use shared::{
    domain::{clock::Timestamp, random::Random, role::RoleName, user_id::UserId},
    store::{
        database::Database,
        user_events::UserEvents,
        users::{OperatorOutcome, RoleAdded, Users},
    },
};

use super::{
    app::TestApp,
    tables::{EVENTS, Tables, USERS},
};

/// Another seed for every operator and other than that of any app, so that no two writes have the same id.
static SEED: AtomicU64 = AtomicU64::new(1_000_000);

/// The operator of an app.
pub struct Operator {
    users: Users,
    events: UserEvents,
    now: Timestamp,
}

impl Operator {
    pub fn of(app: &TestApp) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::SeqCst)));
        let random = Random::new(move |bytes| random.lock().unwrap().fill_bytes(bytes));
        let database = Database::new(Tables::of(app).client(), random);
        let tables = &app.server.template().tables;
        let has_events = tables.iter().any(|table| table.name == EVENTS);
        let table = has_events.then(|| EVENTS.to_owned());
        Self {
            users: Users::new(database.clone(), USERS),
            events: UserEvents::new(database, table),
            now: Timestamp::from_unix(app.now()),
        }
    }

    /// Disables an account that is in use.
    pub async fn disable(&self, id: u64) {
        let disabled = self
            .users
            .disable(user(id), self.now, &self.events, &[])
            .await;
        assert_eq!(disabled.unwrap(), OperatorOutcome::Done);
    }

    /// Enables a disabled account.
    pub async fn enable(&self, id: u64) {
        let enabled = self
            .users
            .enable(user(id), self.now, &self.events, &[])
            .await;
        assert_eq!(enabled.unwrap(), OperatorOutcome::Done);
    }

    /// Disables an account and enables it again.
    pub async fn disable_and_enable(&self, id: u64) {
        self.disable(id).await;
        self.enable(id).await;
    }

    /// Gives a role to a user who does not have it.
    pub async fn add_role(&self, id: u64, name: &str) {
        let added = self.users.add_role(user(id), &role(name), &[]).await;
        assert_eq!(added.unwrap(), RoleAdded::Done);
    }

    /// Takes a role from a user who has it.
    pub async fn remove_role(&self, id: u64, name: &str) {
        let removed = self.users.remove_role(user(id), &role(name), &[]).await;
        assert_eq!(removed.unwrap(), OperatorOutcome::Done);
    }
}

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}
