//! The requests of one worker in a round: mixed requests, mostly about few users, sometimes several concurrent ones about one user.

use std::time::Duration;

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    case::{DELETED, DISABLED},
    history::Action,
    people::Person,
    requests::enable,
    world::World,
};

/// The number of steps of a worker in a round.
const ACTIONS: usize = 12;

pub struct Worker<'a> {
    pub world: &'a World,
    pub number: usize,
    pub(super) random: StdRng,
    /// The user that most requests of the round are about.
    hot: Option<u64>,
}

impl<'a> Worker<'a> {
    pub fn new(world: &'a World, number: usize, seed: u64, hot: Option<u64>) -> Self {
        Self {
            world,
            number,
            random: StdRng::seed_from_u64(seed),
            hot,
        }
    }

    pub async fn run(mut self) {
        for _ in 0..ACTIONS {
            match self.random.random_range(0..100) {
                0..2 => {
                    let seconds = self.random.random_range(1..180);
                    self.world.app.advance(Duration::from_secs(seconds));
                }
                2..12 => {
                    let person = self.any_person();
                    let times = self.random.random_range(2..6);
                    let actions: Vec<_> =
                        (0..times).map(|_| self.action(person.as_ref())).collect();
                    self.all(actions, person).await;
                }
                12..16 => {
                    let person = self.any_person();
                    let action = self.action(person.as_ref());
                    let times = self.random.random_range(2..4);
                    self.all(vec![action; times], person).await;
                }
                16..18 => {
                    if let Some(person) = self.any_person() {
                        let times = self.random.random_range(4..9);
                        let actions = (0..times).map(|_| Action::LogIn {
                            name: person.username.clone(),
                            password: person.newest_password.clone(),
                        });
                        self.all(actions.collect(), Some(person)).await;
                    }
                }
                _ => {
                    let person = self.any_person();
                    let actions = vec![self.action(person.as_ref())];
                    self.all(actions, person).await;
                }
            }
        }
    }

    /// Sends all requests concurrently.
    async fn all(&self, actions: Vec<Action>, person: Option<Person>) {
        let id = person.map(|person| person.id);
        let performed = actions
            .into_iter()
            .map(|action| self.world.perform(self.number, action, id));
        join_all(performed).await;
    }

    /// A user, who may have been deleted, in this round or rarely in an earlier one.
    pub(super) fn any_person(&mut self) -> Option<Person> {
        let person = self.some_person()?;
        // Most requests are about users who exist.
        if person.newest_state == DELETED && self.random.random_ratio(4, 5) {
            return self.some_person();
        }
        Some(person)
    }

    fn some_person(&mut self) -> Option<Person> {
        let people = self.world.people.lock().unwrap();
        if !people.deleted.is_empty() && self.random.random_ratio(1, 40) {
            let place = self.random.random_range(0..people.deleted.len());
            let mut deleted = people.deleted.values();
            return deleted.nth(place).map(|(person, _)| person.clone());
        }
        let hot = self.hot.filter(|_| self.random.random_ratio(4, 10));
        let place = self.random.random_range(0..people.all.len().max(1));
        let person = hot.and_then(|id| people.all.get(&id));
        person.or_else(|| people.all.values().nth(place)).cloned()
    }

    fn action(&mut self, person: Option<&Person>) -> Action {
        let Some(person) = person else {
            return self.sign_up();
        };
        if self.random.random_ratio(1, 20) {
            return self.operate(person);
        }
        if person.newest_state == DISABLED && self.random.random_ratio(1, 6) {
            return enable(person);
        }
        let mut sessions = person.sessions.values();
        let is_in = sessions.any(|session| session.is_likely_live(&person.newest_password));
        match self.random.random_range(0..100) {
            0..8 => self.sign_up(),
            8..28 => self.log_in(person),
            28..30 => self.delete(person),
            // A user without a session usually logs in first.
            30..73 if !is_in && self.random.random_ratio(9, 10) => self.log_in(person),
            30..33 => Action::LogOut {
                token: self.token(person),
            },
            33..43 => Action::Read {
                token: self.token(person),
                id: person.id,
            },
            43..46 => {
                let id = self.any_person().map_or(1, |other| other.id);
                let token = self.token(person);
                Action::Read { token, id }
            }
            46..67 => self.update(person),
            67..73 => self.of_session(person),
            73..82 => self.confirm(person),
            82..85 if person.revert_links.is_empty() => self.update(person),
            82..85 => self.revert(person),
            85..93 => self.request_reset(person),
            _ => self.complete(person),
        }
    }
}
