//! Random requests about a user.

use rand::RngExt as _;
use serde_json::json;
use shared::domain::{
    link_token::{LinkToken, SECRET_BYTES},
    user_id::UserId,
};

use super::{
    burst::Worker,
    history::{Action, Update},
    operator::{Change, ROLES},
    people::Person,
};

/// The number of usernames, and so the maximum number of users.
const USERNAMES: usize = 30;

/// The number of addresses, a few more than users.
const ADDRESSES: usize = 36;

impl Worker<'_> {
    pub(super) fn sign_up(&mut self) -> Action {
        let username = format!("member{}", self.random.random_range(0..USERNAMES));
        Action::SignUp {
            username: self.in_some_case(&username),
            email: self.address(),
            password: self.new_password(),
        }
    }

    pub(super) fn log_in(&mut self, person: &Person) -> Action {
        let name = match self.random.random_range(0..10) {
            0..6 => self.in_some_case(&person.username),
            6..9 => self.respell(&person.email),
            _ => self.address(),
        };
        let password = self.password(person);
        Action::LogIn { name, password }
    }

    pub(super) fn update(&mut self, person: &Person) -> Action {
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

    pub(super) fn request_reset(&mut self, person: &Person) -> Action {
        let email = if self.random.random_ratio(1, 4) {
            self.address()
        } else {
            self.respell(&person.email)
        };
        Action::RequestReset { email }
    }

    pub(super) fn complete(&mut self, person: &Person) -> Action {
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

    pub(super) fn delete(&mut self, person: &Person) -> Action {
        Action::Delete {
            token: self.token(person),
            password: self.password(person),
        }
    }

    /// A change by the operator.
    pub(super) fn operate(&mut self, person: &Person) -> Action {
        let role = ROLES[self.random.random_range(0..ROLES.len())];
        let change = match self.random.random_range(0..8) {
            0..2 => Change::Disable,
            2..4 => Change::Enable,
            4..6 => Change::AddRole(role),
            _ => Change::RemoveRole(role),
        };
        Action::Operate {
            user: person.id,
            change,
        }
    }

    /// Lists or ends sessions, or requests another confirmation link.
    pub(super) fn of_session(&mut self, person: &Person) -> Action {
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
    pub(super) fn confirm(&mut self, person: &Person) -> Action {
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
    pub(super) fn revert(&mut self, person: &Person) -> Action {
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
    pub(super) fn token(&mut self, person: &Person) -> String {
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

pub fn enable(person: &Person) -> Action {
    Action::Operate {
        user: person.id,
        change: Change::Enable,
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
