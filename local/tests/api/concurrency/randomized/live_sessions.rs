//! The sessions that are valid after a round.

use serde_json::Value;

use super::{
    case::{Case, is_about},
    check::Round,
    history::{Action, Step},
    people::{Person, Session, canonical, claims},
    tables::SESSIONS,
};

impl<'a> Round<'a> {
    /// Checks which sessions are valid and returns the new expected user.
    pub(super) fn check_sessions(&mut self, case: &Case<'a>, password: String) -> Person {
        let person = case.person;
        let id = Some(person.id);
        let map = case.record["sessions"].as_object().unwrap();
        let mut settled = person.clone();
        if password != person.password {
            let setter = case.passwords.sets.iter().find(|set| set.value == password);
            let token = setter.and_then(|set| set.step.action.token());
            settled.keeper = token.map(|token| claims(token).1);
        }
        settled.sessions.clear();
        for (name, session) in &person.sessions {
            let lives = map.contains_key(name) && session.expires_at > self.rest.now;
            let outlived = session.password == password || settled.keeper.as_ref() == Some(name);
            let (may_die, must_die) = self.ends(case, name, session);
            if lives && (must_die || !outlived) {
                self.blame(
                    id,
                    format!("session {name} is valid, but should have ended"),
                );
            }
            let expired = session.expires_at <= self.rest.now;
            if !lives && outlived && !may_die && !expired {
                self.blame(id, format!("session {name} has ended, but should be valid"));
            }
            if lives {
                let mut session = session.clone();
                (session.began, session.ended) = (0, 0);
                session.order = order(&map[name]);
                settled.sessions.insert(name.clone(), session);
            } else {
                settled.ended.insert(name.clone());
                settled.ended_tokens.extend(session.token.clone());
            }
        }
        self.check_unknown_sessions(case, &password, &mut settled);
        settled.password.clone_from(&password);
        settled.newest_password = password;
        settled
    }

    /// Checks sessions whose log-in had no response.
    fn check_unknown_sessions(&mut self, case: &Case<'a>, password: &str, settled: &mut Person) {
        let (person, now) = (case.person, self.rest.now);
        let unanswered = self.steps.iter().filter(|step| match &step.action {
            Action::LogIn {
                password: given,
                name,
            } => {
                let mine = name.eq_ignore_ascii_case(&person.username)
                    || (name.contains('@') && case.addresses().contains(&canonical(name)));
                step.is_open() && mine && given == password
            }
            // The sign-up itself, for a new user.
            Action::SignUp {
                username,
                password: given,
                ..
            } => {
                step.is_open()
                    && username.eq_ignore_ascii_case(&person.username)
                    && given == password
            }
            _ => false,
        });
        let mut left = unanswered.count();
        let map = case.record["sessions"].as_object().unwrap();
        for (name, stored) in map {
            let expires_at = stored["e"].as_u64().unwrap();
            if person.sessions.contains_key(name) || expires_at <= now {
                continue;
            }
            if person.ended.contains(name) {
                self.blame(Some(person.id), format!("session {name} was revived"));
            } else if left == 0 {
                self.blame(Some(person.id), format!("session {name} has no log-in"));
            } else {
                left -= 1;
                let session = Session {
                    password: password.to_owned(),
                    expires_at,
                    order: order(stored),
                    ..Session::default()
                };
                settled.sessions.insert(name.clone(), session);
            }
        }
    }

    /// Two flags: something other than a new password may have ended the session, and something must have.
    fn ends(&self, case: &Case<'a>, name: &str, session: &Session) -> (bool, bool) {
        let made_with = |step: &&&Step| {
            step.action
                .token()
                .is_some_and(|token| claims(token).1 == name)
        };
        let mine: Vec<_> = case.steps.iter().filter(made_with).collect();
        let out = |step: &Step| matches!(step.action, Action::LogOut { .. });
        let must = mine
            .iter()
            .any(|step| step.status == 401 || (out(step) && step.is_done()));
        let may = mine.iter().any(|step| out(step) && step.may_be_done());
        let mut ends = case.steps.iter().filter(|step| step.action.ends(name));
        let must = must
            || ends
                .clone()
                .any(|step| step.is_done() && session.ended < step.began);
        let may = may || ends.any(|step| step.may_be_done() && session.began < step.ended);
        // Ten newer sessions end it.
        let newer = self.steps.iter().filter(|step| {
            let mine = match &step.action {
                Action::LogIn { name, .. } if step.is_open() && name.contains('@') => {
                    case.addresses().contains(&canonical(name))
                }
                Action::LogIn { .. } => step.may_be_done() && is_about(step, case.person),
                _ => false,
            };
            mine && step.ended > session.began && step.began != session.began
        });
        // Of two sessions with the same position, either may end first.
        let others = case
            .person
            .sessions
            .iter()
            .filter(|(other, _)| *other != name);
        let newer_before = others.filter(|(_, other)| {
            session.ended == 0 && other.ended == 0 && other.order >= session.order
        });
        let pushed = newer.count() + newer_before.count() >= SESSIONS;
        // A rejected session has ended, but for another reason.
        (may || pushed, must)
    }
}

fn order(session: &Value) -> (u64, u64) {
    (
        session["c"].as_u64().unwrap(),
        session["n"].as_u64().unwrap(),
    )
}
