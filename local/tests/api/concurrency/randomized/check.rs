//! The invariants after a round, and the check of all its responses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::domain::password::{Hash, Password};

use super::{
    history::{Action, Step, Update},
    people::{People, Person, Session, canonical, claims, former, link},
    responses,
    rest::Rest,
    values::{AT_REST, Values},
    world::World,
};

/// The maximum number of sessions of a user.
pub const SESSIONS: usize = 10;

/// A violated invariant, with its user.
pub struct Violation {
    pub user: Option<u64>,
    pub text: String,
}

/// Everything that the check of a round needs.
pub struct Round<'a> {
    pub world: &'a World,
    pub steps: &'a [Step],
    pub rest: &'a Rest,
    /// The expected state.
    pub people: &'a People,
    /// The keys of earlier rounds.
    pub old_mails: &'a BTreeSet<String>,
    /// The number of faults of `send_mail` in this round.
    pub mail_faults: usize,
    pub found: Vec<Violation>,
}

/// A user after the round: the record and the steps about it.
pub struct Case<'a> {
    pub person: &'a Person,
    pub record: &'a Value,
    pub steps: Vec<&'a Step>,
    pub passwords: Values<'a>,
    pub emails: Values<'a>,
    pub first_names: Values<'a>,
    pub last_names: Values<'a>,
    /// Reset mails that count towards the daily limit now.
    pub mails: u64,
    /// The expiry of the newest link; 0 without one.
    pub link_ends: u64,
}

impl<'a> Case<'a> {
    fn new(person: &'a Person, record: &'a Value, rest: &Rest, steps: &'a [Step]) -> Self {
        let number = |kind: &str, name: &str| {
            let item = rest.transient.get(&format!("{kind}#{}", person.id));
            item.and_then(|item| item[name].as_u64())
                .unwrap_or_default()
        };
        let steps: Vec<_> = steps.iter().filter(|step| is_about(step, person)).collect();
        Self {
            person,
            record,
            passwords: Values::of(&person.password, &steps, Step::sets_password),
            emails: Values::of(&person.email, &steps, Step::sets_email),
            first_names: Values::of(&person.first_name, &steps, |step| {
                step.update()?.first_name.as_ref()
            }),
            last_names: Values::of(&person.last_name, &steps, |step| {
                step.update()?.last_name.as_ref()
            }),
            steps,
            mails: number("mail#reset_password", "count"),
            link_ends: number("reset", "expires_at"),
        }
    }

    /// The canonical form of every address that the user may have had.
    pub fn addresses(&self) -> BTreeSet<String> {
        self.emails.all().map(canonical).collect()
    }

    pub fn grew(&self, name: &str, before: u64) -> u64 {
        self.record[name].as_u64().unwrap().wrapping_sub(before)
    }
}

/// `true` if a step is about this user.
pub fn is_about(step: &Step, person: &Person) -> bool {
    match &step.action {
        Action::LogIn { name, .. } => {
            name.eq_ignore_ascii_case(&person.username)
                || step.json()["user"]["id"].as_u64() == Some(person.id)
        }
        Action::SignUp { .. } | Action::RequestReset { .. } => false,
        action => {
            let of_session = action.token().map(|token| claims(token).0);
            of_session.or(action.link().map(|token| link(token).0)) == Some(person.id)
        }
    }
}

impl<'a> Round<'a> {
    pub fn blame(&mut self, user: Option<u64>, text: String) {
        self.found.push(Violation { user, text });
    }

    /// Checks everything and returns the new expected state.
    pub fn check(&mut self) -> Vec<Person> {
        self.check_tables();
        let mut settled = Vec::new();
        let (people, rest) = (self.people, self.rest);
        let mut cases = Vec::new();
        for (id, person) in &people.all {
            match rest.users.get(id) {
                Some(record) => cases.push(Case::new(person, record, rest, self.steps)),
                None => self.blame(Some(*id), "the user no longer exists".to_owned()),
            }
        }
        for case in &cases {
            let password = self.check_record(case);
            let mut person = self.check_sessions(case, password);
            self.check_numbers(case);
            self.check_mails(case, &mut person);
            self.check_addresses(case, &mut person);
            settled.push(person);
        }
        self.check_surplus(&cases);
        for step in self.steps {
            if let Some(text) = responses::violation(step, self.steps, &cases) {
                let about = cases.iter().find(|case| is_about(step, case.person));
                let user = about.map(|case| case.person.id).or(step.user);
                self.blame(user, format!("{text}: {step}"));
            }
        }
        settled
    }

    fn check_tables(&mut self) {
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
            for key in [format!("email#{email}"), format!("username#{username}")] {
                if markers.remove(&key) != Some(*id) {
                    self.blame(Some(*id), format!("{key} does not refer to its user"));
                }
            }
            if record["sessions"].as_object().unwrap().len() > SESSIONS {
                self.blame(Some(*id), "too many sessions".to_owned());
            }
        }
        for (key, id) in markers {
            self.blame(Some(id), format!("{key} refers to no user"));
        }
        for (key, item) in &rest.transient {
            if !item["expires_at"].is_u64() {
                self.blame(None, format!("{key} has no expiry"));
            }
            let owner = key
                .split('#')
                .rev()
                .find_map(|part| part.parse::<u64>().ok());
            let is_orphan = owner.is_none_or(|id| !rest.users.contains_key(&id));
            if (key.starts_with("mail#") || key.starts_with("reset#")) && is_orphan {
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

    /// Checks the details and returns the current password.
    fn check_record(&mut self, case: &Case<'a>) -> String {
        let (person, id) = (case.person, Some(case.person.id));
        for (name, values) in [
            ("email", &case.emails),
            ("first_name", &case.first_names),
            ("last_name", &case.last_names),
        ] {
            let value = case.record[name].as_str().unwrap();
            let is_possible = match name {
                "email" => values
                    .all()
                    .any(|one| super::people::stored(one) == value && values.may_be(one, AT_REST)),
                _ => values.may_be(value, AT_REST),
            };
            if !is_possible {
                self.blame(id, format!("{name} is {value}, which was not set last"));
            }
        }
        let hash = case.record["password_hash"].as_str().unwrap();
        if hash == person.hash {
            if !case.passwords.may_be(&person.password, AT_REST) {
                self.blame(id, "the old password is still current".to_owned());
            }
            return person.password.clone();
        }
        let stored = Hash::from_stored(hash.to_owned());
        let fits = |password: &&String| {
            let attempt = Password::parse(password).unwrap();
            self.world.app.hasher.verify(&attempt, &stored).unwrap()
        };
        let fitting: Vec<_> = person.tried.iter().filter(fits).cloned().collect();
        match fitting.as_slice() {
            [password] if case.passwords.may_be(password, AT_REST) => password.clone(),
            [password] => {
                self.blame(id, format!("{password} is current, but was not set last"));
                password.clone()
            }
            _ => {
                self.blame(id, format!("these passwords match: {fitting:?}"));
                person.password.clone()
            }
        }
    }

    /// Checks which sessions are valid and returns the new expected user.
    fn check_sessions(&mut self, case: &Case<'a>, password: String) -> Person {
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

    /// Checks that the counters of the record grew by exactly the applied changes.
    fn check_numbers(&mut self, case: &Case<'a>) {
        let person = case.person;
        let count = |which: &dyn Fn(&Step) -> bool| {
            case.steps.iter().filter(|step| which(step)).count() as u64
        };
        let changes =
            |step: &Step| step.update().is_some_and(Update::changes_for_sure) || step.verifies();
        // The second of two equal changes has no effect.
        let made: BTreeSet<_> = case
            .steps
            .iter()
            .filter(|step| step.is_done() && changes(step))
            .map(|step| format!("{:?}", step.action))
            .collect();
        let may_change = |step: &Step| changes(step) || step.sets_email().is_some();
        let sets = |step: &Step| step.sets_password().is_some();
        let moved = self.new_notices("email_changed", person.id);
        let told = self.new_notices("password_changed", person.id);
        let (passwords, moved, told) = (
            case.grew("passwords", person.passwords),
            moved.len() as u64,
            told.len() as u64,
        );
        let both = count(&|step| {
            let email = step.update().and_then(|update| update.email.as_ref());
            step.may_be_done() && sets(step) && email.is_some()
        });
        for (name, grown, least, most) in [
            (
                "version",
                case.grew("version", person.version),
                made.len() as u64,
                count(&|step| step.may_be_done() && may_change(step)),
            ),
            (
                "passwords",
                passwords,
                count(&|step| step.is_done() && sets(step)),
                count(&|step| step.may_be_done() && sets(step)),
            ),
            (
                "credentials",
                case.grew("credentials", person.credentials),
                (passwords + moved)
                    .saturating_sub(both)
                    .max(passwords)
                    .max(moved),
                passwords + moved,
            ),
            ("notices of a password", told, passwords, passwords),
        ] {
            if !(least..=most).contains(&grown) {
                let text = format!("{name} grew by {grown}, not by {least} to {most}");
                self.blame(Some(person.id), text);
            }
        }
    }

    fn check_mails(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (person, id) = (case.person, case.person.id);
        let addresses = case.addresses();
        // Every former address gets a notice.
        let mut notified: BTreeSet<String> = BTreeSet::new();
        for (kind, subject) in [
            ("email_changed", "Your Latchkey e-mail address was changed"),
            ("password_changed", "Your Latchkey password was changed"),
        ] {
            for notice in self.new_notices(kind, id) {
                let address = canonical(notice["address"].as_str().unwrap());
                if !addresses.contains(&address) {
                    self.blame(Some(id), format!("a notice was sent to {address}"));
                }
                let sent = self.rest.mails.iter().filter(|mail| {
                    notice["detail"] == mail.id.as_str()
                        && mail.subject == subject
                        && mail.to.len() == 1
                        && canonical(&mail.to[0]) == address
                });
                if sent.count() != 1 || notice["state"] != "sent" {
                    self.blame(Some(id), format!("no mail for {notice}"));
                }
                if kind == "email_changed" {
                    notified.insert(address);
                }
            }
        }
        notified.insert(canonical(case.record["email"].as_str().unwrap()));
        // The address that a link takes the account from gets no notice.
        let reverted = |step: &&Step| step.reverts() && step.may_be_done();
        let is_reverted = case.steps.iter().copied().any(|step| reverted(&step));
        for set in case.emails.sets.iter().filter(|set| set.step.is_done()) {
            if !is_reverted && !notified.contains(&canonical(set.value)) {
                let text = format!("the change to {} left no trace", set.value);
                self.blame(Some(id), text);
            }
        }
        if !is_reverted && !notified.contains(&canonical(&person.email)) {
            self.blame(Some(id), format!("no notice to {}", person.email));
        }
        self.check_links(case, settled);
    }

    /// Checks which reset links work according to the tables; probes try them later.
    fn check_links(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (person, id) = (case.person, Some(case.person.id));
        let known = person.links.len();
        let addresses = case.addresses();
        for mail in self
            .rest
            .mails
            .iter()
            .filter(|mail| mail.text.contains("?token="))
        {
            let token = crate::support::app::token_in(mail);
            let (owner, hash) = link(&token);
            if owner != person.id {
                continue;
            }
            if mail.to.len() != 1 || !addresses.contains(&canonical(&mail.to[0])) {
                self.blame(id, format!("a link was sent to {:?}", mail.to));
            }
            settled.links.push(super::people::Link {
                token,
                hash,
                is_revoked: false,
                ends_at: case.link_ends,
            });
        }
        let item = self.rest.transient.get(&format!("reset#{}", person.id));
        let works = |hash: &str| {
            item.is_some_and(|item| {
                (item["hash"] == hash || item["earlier_hash"] == hash)
                    && item["credentials"] == case.record["credentials"]
                    && item["expires_at"].as_u64() > Some(self.rest.now)
            })
        };
        let same = case.grew("credentials", person.credentials) == 0;
        let mut working = 0;
        let mut found = Vec::new();
        let last = settled.links.len();
        for (place, link) in settled.links.iter_mut().enumerate() {
            let (works, is_old) = (works(&link.hash), place < known);
            let used = case.steps.iter().any(|step| {
                matches!(&step.action, Action::Complete { link: token, .. } if *token == link.token)
                    && step.is_done()
            });
            let superseded = is_old && (!same || last > known);
            if works && (used || link.is_revoked || superseded) {
                found.push(format!("link {} works, but should not", link.token));
            }
            // The credentials version is unchanged: nothing can have revoked the link.
            let newest = place + 1 == last;
            if !works && newest && same && !link.is_revoked && link.ends_at > self.rest.now {
                found.push(format!("link {} does not work, but should", link.token));
            }
            link.is_revoked = !works;
            working += usize::from(works);
        }
        if working > 1 && item.is_none_or(|item| item.get("earlier_hash").is_none()) {
            found.push("more than one link works".to_owned());
        }
        for text in found {
            self.blame(id, text);
        }
        settled.links.drain(..last.saturating_sub(12));
    }

    /// Checks that there are no more mails than changes, except copies after faults.
    fn check_surplus(&mut self, cases: &[Case<'a>]) {
        let told: BTreeSet<_> = self
            .rest
            .transient
            .values()
            .filter_map(|item| item["detail"].as_str())
            .collect();
        let mails = self.rest.mails.iter();
        // Every sign-up and every change of address cause a confirmation link.
        let is_link = |text: &str| text.contains("?token=") || text.contains("?key=");
        let notices = mails.filter(|mail| !is_link(&mail.text));
        let surplus: Vec<_> = notices
            .filter(|mail| !told.contains(mail.id.as_str()))
            .collect();
        if surplus.len() > self.mail_faults {
            self.blame(None, format!("mails without a cause: {surplus:?}"));
        }
        for case in cases {
            let addresses = case.addresses();
            let asks = self.steps.iter().filter(|step| {
                matches!(&step.action, Action::RequestReset { email } if addresses.contains(&canonical(email)))
                    && step.may_be_done()
            });
            let links = self.world.mailed_links(case.person.id).len();
            if links > asks.count() + self.mail_faults {
                self.blame(
                    Some(case.person.id),
                    format!("{links} links without requests"),
                );
            }
        }
    }

    /// The notices to a user in this round.
    pub fn new_notices(&self, kind: &str, id: u64) -> Vec<&'a Value> {
        let prefix = format!("mail#{kind}#{id}#");
        let items = self.rest.transient.range(prefix.clone()..);
        items
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(key, _)| !self.old_mails.contains(*key))
            .map(|(_, item)| item)
            .collect()
    }
}

fn order(session: &Value) -> (u64, u64) {
    (
        session["c"].as_u64().unwrap(),
        session["n"].as_u64().unwrap(),
    )
}
