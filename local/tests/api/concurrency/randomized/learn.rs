//! What the test learns from requests and responses during a round.

use super::{
    case::{DELETED, DISABLED},
    history::{Action, Step},
    people::{Person, Session, claims, link},
    world::World,
};

impl World {
    /// Records a password that may become the user's from now on.
    pub(super) fn expect(&self, action: &Action) {
        let (id, password) = match action {
            Action::Update(update) => match update.new_password() {
                Some(password) => (claims(&update.token).0, password),
                None => return,
            },
            Action::Complete {
                link: token,
                password,
            }
            | Action::Revert {
                key: token,
                password,
                ..
            } => (link(token).0, password),
            _ => return,
        };
        if let Some(person) = self.people.lock().unwrap().all.get_mut(&id) {
            person.tried.insert(password.clone());
        }
    }

    /// Updates the expected state from a response.
    pub(super) fn learn(&self, step: &Step) {
        let mut people = self.people.lock().unwrap();
        let is_out = step.status == 401 || matches!(step.action, Action::LogOut { .. });
        if let Some((id, name, _)) = step.action.token().filter(|_| is_out).map(claims)
            && let Some(person) = people.all.get_mut(&id)
            && let Some(session) = person.sessions.get_mut(&name)
        {
            session.is_out = true;
        }
        if !step.is_done() {
            return;
        }
        match &step.action {
            Action::SignUp {
                username,
                email,
                password,
            } => {
                let id = step.json()["user"]["id"].as_u64().unwrap();
                let mut person = Person::new(id, username, email, password);
                let (name, session) = session(step, password);
                person.sessions.insert(name, session);
                // A user with the same id must not be overwritten: the check of the responses reports it.
                people.all.entry(id).or_insert(person);
            }
            Action::LogIn { password, .. } => {
                let id = step.json()["user"]["id"].as_u64().unwrap();
                let (name, session) = session(step, password);
                match people.all.get_mut(&id) {
                    Some(person) => drop(person.sessions.insert(name, session)),
                    None => people.strangers.push((id, name, session)),
                }
            }
            Action::Update(update) => {
                if let Some(person) = people.all.get_mut(&claims(&update.token).0)
                    && let Some(password) = update.new_password()
                {
                    person.newest_password.clone_from(password);
                }
            }
            Action::Delete { token, .. } => {
                if let Some(person) = people.all.get_mut(&claims(token).0) {
                    person.newest_state = DELETED;
                }
            }
            Action::Operate { user, change } => {
                if let Some(person) = people.all.get_mut(user)
                    && let Some(state) = change.state()
                {
                    person.newest_state = state;
                    let before = |session: &&mut Session| session.ended < step.began;
                    let ended = person.sessions.values_mut().filter(before);
                    ended.for_each(|session| session.is_out |= state == DISABLED);
                }
            }
            Action::EndSession { token, session } => {
                if let Some(person) = people.all.get_mut(&claims(token).0)
                    && let Some(session) = person.sessions.get_mut(session)
                {
                    session.is_out = true;
                }
            }
            Action::EndSessions { token } => {
                if let Some(person) = people.all.get_mut(&claims(token).0) {
                    let before = |session: &&mut Session| session.ended < step.began;
                    let ended = person.sessions.values_mut().filter(before);
                    ended.for_each(|session| session.is_out = true);
                }
            }
            Action::Complete {
                link: token,
                password,
            }
            | Action::Revert {
                key: token,
                password,
                ..
            } => {
                if let Some(person) = people.all.get_mut(&link(token).0) {
                    person.newest_password.clone_from(password);
                }
            }
            _ => {}
        }
    }
}

fn session(step: &Step, password: &str) -> (String, Session) {
    let token = step.json()["token"].as_str().unwrap().to_owned();
    let (_, name, expires_at) = claims(&token);
    let session = Session {
        token: Some(token),
        password: password.to_owned(),
        expires_at,
        began: step.began,
        ended: step.ended,
        ..Session::default()
    };
    (name, session)
}
