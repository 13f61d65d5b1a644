//! The requests of one worker in a round: mixed requests, mostly about few users, sometimes several concurrent ones about one user.

use std::time::Duration;

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use shared::domain::{
    link_token::{LinkToken, SECRET_BYTES},
    user_id::UserId,
};

use super::{
    history::{Action, Update},
    people::Person,
    world::World,
};

/// The number of usernames, and so the maximum number of users.
const USERNAMES: usize = 30;

/// The number of addresses, a few more than users.
const ADDRESSES: usize = 36;

/// The number of steps of a worker in a round.
const ACTIONS: usize = 12;

pub struct Worker<'a> {
    pub world: &'a World,
    pub number: usize,
    random: StdRng,
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

    fn any_person(&mut self) -> Option<Person> {
        let people = self.world.people.lock().unwrap();
        let hot = self.hot.filter(|_| self.random.random_ratio(4, 10));
        let place = self.random.random_range(0..people.all.len().max(1));
        let person = hot.and_then(|id| people.all.get(&id));
        person.or_else(|| people.all.values().nth(place)).cloned()
    }

    fn action(&mut self, person: Option<&Person>) -> Action {
        let Some(person) = person else {
            return self.sign_up();
        };
        let mut sessions = person.sessions.values();
        let is_in = sessions.any(|session| session.is_likely_live(&person.newest_password));
        match self.random.random_range(0..100) {
            0..8 => self.sign_up(),
            8..28 => self.log_in(person),
            // A user without a session usually logs in first.
            28..73 if !is_in && self.random.random_ratio(9, 10) => self.log_in(person),
            28..33 => Action::LogOut {
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

    fn sign_up(&mut self) -> Action {
        let username = format!("member{}", self.random.random_range(0..USERNAMES));
        Action::SignUp {
            username: self.in_some_case(&username),
            email: self.address(),
            password: self.new_password(),
        }
    }

    fn log_in(&mut self, person: &Person) -> Action {
        let name = match self.random.random_range(0..10) {
            0..6 => self.in_some_case(&person.username),
            6..9 => self.respell(&person.email),
            _ => self.address(),
        };
        let password = self.password(person);
        Action::LogIn { name, password }
    }

    fn update(&mut self, person: &Person) -> Action {
        let mut update = Update {
            token: self.token(person),
            current: self.password(person),
            ..Update::default()
        };
        // The change of a verified address mails a revert link.
        let email_in = if person.is_verified { 2 } else { 4 };
        let [first, last, email, password, bad] =
            [2, 2, email_in, 3, 12].map(|one_in| self.random.random_ratio(1, one_in));
        if first {
            update.first_name = Some(format!("Fore{}", self.number()));
        }
        if email {
            update.email = Some(match self.random.random_range(0..5) {
                0 => self.respell(&person.email),
                _ => self.address(),
            });
        }
        if password {
            update.password = Some(match self.random.random_range(0..10) {
                0 => update.current.clone(),
                _ => self.new_password(),
            });
        }
        if last || !(first || email || password) {
            update.last_name = Some(format!("Sur{}", self.number()));
        }
        if bad {
            update.bad = Some(match self.random.random_range(0..4) {
                0 => ("username", json!("somebodyelse")),
                1 => ("is_superuser", json!(true)),
                2 => ("version", json!(7)),
                _ => ("id", json!(person.id + 1)),
            });
            // An invalid value is sent with a valid one.
            update.first_name = Some(format!("Fore{}", self.number()));
        }
        Action::Update(Box::new(update))
    }

    fn request_reset(&mut self, person: &Person) -> Action {
        let email = if self.random.random_ratio(1, 4) {
            self.address()
        } else {
            self.respell(&person.email)
        };
        Action::RequestReset { email }
    }

    fn complete(&mut self, person: &Person) -> Action {
        let mut links: Vec<_> = person.links.iter().map(|link| link.token.clone()).collect();
        links.extend(self.world.mailed_links(person.id));
        let link = match self.random.random_range(0..10) {
            0..7 => links.pop(),
            7..9 if !links.is_empty() => {
                Some(links.swap_remove(self.random.random_range(0..links.len())))
            }
            _ => None,
        };
        Action::Complete {
            link: link.unwrap_or_else(|| made_up(person)),
            password: self.new_password(),
        }
    }

    /// Lists or ends sessions, or requests another confirmation link.
    fn of_session(&mut self, person: &Person) -> Action {
        let token = self.token(person);
        match self.random.random_range(0..8) {
            0..2 => Action::ListSessions { token },
            2..4 if !person.sessions.is_empty() => {
                let place = self.random.random_range(0..person.sessions.len());
                let session = person.sessions.keys().nth(place).unwrap().clone();
                Action::EndSession { token, session }
            }
            4 => Action::EndSessions { token },
            _ => Action::Resend { token },
        }
    }

    /// Usually uses the newest confirmation link.
    fn confirm(&mut self, person: &Person) -> Action {
        let links = person.confirmation_links.iter();
        let mut keys: Vec<_> = links.map(|link| link.token.clone()).collect();
        keys.extend(self.world.mailed_confirmations(person.id));
        let is_old = self.random.random_ratio(1, 6) && !keys.is_empty();
        let place = self.random.random_range(0..keys.len().max(1));
        let key = if is_old { keys.get(place) } else { keys.last() };
        Action::Confirm {
            key: key.cloned().unwrap_or_else(|| made_up(person)),
        }
    }

    /// Usually uses a revert link that works.
    fn revert(&mut self, person: &Person) -> Action {
        let is_any = self.random.random_ratio(1, 4);
        let links = person.revert_links.iter();
        let links: Vec<_> = links.filter(|link| is_any || !link.is_revoked).collect();
        let place = self.random.random_range(0..links.len().max(1));
        let link = links.get(place);
        Action::Revert {
            key: link.map_or_else(|| made_up(person), |link| link.token.clone()),
            email: link.map_or_else(String::new, |link| link.former.email.clone()),
            password: self.new_password(),
        }
    }

    /// Usually a valid token, as far as known.
    fn token(&mut self, person: &Person) -> String {
        let live = person.sessions.values().filter(|session| {
            session.is_likely_live(&person.newest_password) || self.random.random_ratio(1, 12)
        });
        let mut tokens: Vec<_> = live.filter_map(|session| session.token.as_ref()).collect();
        if tokens.is_empty() || self.random.random_ratio(1, 12) {
            tokens.extend(&person.ended_tokens);
        }
        if tokens.is_empty() {
            // An unknown token, which looks like an ended one.
            return UNKNOWN.to_owned();
        }
        tokens[self.random.random_range(0..tokens.len())].clone()
    }

    fn password(&mut self, person: &Person) -> String {
        match self.random.random_range(0..100) {
            0..84 => person.newest_password.clone(),
            84..92 => person.password.clone(),
            92..97 => {
                let place = self.random.random_range(0..person.tried.len());
                person.tried.iter().nth(place).unwrap().clone()
            }
            _ => self.new_password(),
        }
    }

    fn number(&self) -> u64 {
        self.world.people.lock().unwrap().number()
    }

    fn new_password(&self) -> String {
        self.world.people.lock().unwrap().new_password()
    }

    fn address(&mut self) -> String {
        let number = self.random.random_range(0..ADDRESSES);
        let address = match number % 9 {
            0 => format!("shared{number}@bücher.example"),
            _ => format!("shared{number}@example.com"),
        };
        self.respell(&address)
    }

    /// Another spelling of the address.
    fn respell(&mut self, address: &str) -> String {
        let address = self.in_some_case(address);
        let address = match (self.random.random_range(0..4), address.split_once('@')) {
            (0, Some((local, domain))) if !domain.is_ascii() => {
                format!("{local}@xn--bcher-kva.example")
            }
            _ => address,
        };
        match self.random.random_range(0..12) {
            0 => format!(" {address}\t"),
            _ => address,
        }
    }

    fn in_some_case(&mut self, text: &str) -> String {
        if self.random.random_ratio(2, 3) {
            return text.to_owned();
        }
        let letters = text.chars();
        letters
            .map(|letter| {
                if self.random.random() {
                    letter.to_ascii_uppercase()
                } else {
                    letter.to_ascii_lowercase()
                }
            })
            .collect()
    }
}

/// The token of a link to this user that was never mailed.
fn made_up(person: &Person) -> String {
    let user = UserId::parse(&person.id.to_string()).unwrap();
    LinkToken::issue(user, [7; SECRET_BYTES]).text().to_string()
}

/// A token of the right form that was never issued; its claims name user 1.
const UNKNOWN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ.\
                       eyJzdWIiOiIxIiwiZXhwIjo5LCJqdGkiOiJ4In0.AAAA";
