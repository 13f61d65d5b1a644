//! The invariants after a round, and the check of all its responses.

use std::collections::BTreeSet;

use shared::domain::password::{Hash, Password};

use super::{
    case::{Case, is_about},
    history::{Step, Update},
    operator::Change,
    people::{People, Person, stored},
    responses,
    rest::Rest,
    values::AT_REST,
    world::World,
};

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
    /// The keys of the records of the operator's changes in earlier rounds.
    pub old_changes: &'a BTreeSet<String>,
    /// The number of faults of `send_mail` in this round.
    pub mail_faults: usize,
    pub found: Vec<Violation>,
}

impl<'a> Round<'a> {
    pub fn blame(&mut self, user: Option<u64>, text: String) {
        self.found.push(Violation { user, text });
    }

    /// `true` if the step may have discarded a pending address, although its response is that of an invalid link.
    pub fn may_have_discarded(&self, step: &Step) -> bool {
        self.world.confirm_first && step.may_have_discarded()
    }

    /// Checks everything and returns the new expected state of the users who exist.
    pub fn check(&mut self) -> Vec<Person> {
        self.check_tables();
        let (people, rest) = (self.people, self.rest);
        let confirm_first = self.world.confirm_first;
        let cases: Vec<_> = people
            .all
            .values()
            .map(|person| Case::new(person, rest, self.steps, confirm_first))
            .collect();
        let mut settled = Vec::new();
        for case in &cases {
            self.check_deletion(case);
            if case.is_deleted() {
                continue;
            }
            let password = self.check_record(case);
            let mut person = self.check_sessions(case, password);
            self.check_numbers(case);
            self.check_mails(case, &mut person);
            self.check_links(case, &mut person);
            self.check_addresses(case, &mut person);
            self.check_pending(case);
            self.check_operations(case);
            settled.push(person);
        }
        self.check_surplus(&cases);
        self.check_deletion_records(&cases);
        self.check_audit_records();
        for step in self.steps {
            let violation = responses::violation(step, self.steps, &cases, &people.deleted);
            if let Some(text) = violation {
                let about = cases.iter().find(|case| is_about(step, case.person));
                let user = about.map(|case| case.person.id).or(step.user);
                self.blame(user, format!("{text}: {step}"));
            }
        }
        settled
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
                    .any(|one| stored(one) == value && values.may_be(one, AT_REST)),
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

    /// Checks that the counters of the record grew by exactly the applied changes.
    fn check_numbers(&mut self, case: &Case<'a>) {
        let person = case.person;
        let changes =
            |step: &Step| step.update().is_some_and(Update::changes_for_sure) || step.verifies();
        // The second of two equal changes has no effect.
        let made: BTreeSet<_> = case
            .steps
            .iter()
            .filter(|step| step.is_done() && changes(step))
            .map(|step| format!("{:?}", step.action))
            .collect();
        let may_change =
            |step: &Step| changes(step) || step.moves() || step.action.operation().is_some();
        let may_be_changed = |step: &Step| step.may_be_done() || self.may_have_discarded(step);
        let operations = case.count(|step| step.is_done() && step.action.operation().is_some());
        let disables = |step: &Step| matches!(step.action.operation(), Some((_, Change::Disable)));
        let sets = |step: &Step| step.sets_password().is_some();
        let moved = self.new_notices("email_changed", person.id);
        let told = self.new_notices("password_changed", person.id);
        let (passwords, moved, told) = (
            case.grew("passwords", person.passwords),
            moved.len() as u64,
            told.len() as u64,
        );
        let both =
            case.count(|step| step.may_be_done() && sets(step) && step.gives_email().is_some());
        for (name, grown, least, most) in [
            (
                "version",
                case.grew("version", person.version),
                made.len() as u64 + operations,
                case.count(|step| may_be_changed(step) && may_change(step)),
            ),
            (
                "passwords",
                passwords,
                case.count(|step| step.is_done() && sets(step)),
                case.count(|step| step.may_be_done() && sets(step)),
            ),
            (
                "credentials",
                case.grew("credentials", person.credentials),
                case.count(|step| step.is_done() && disables(step))
                    + (passwords + moved)
                        .saturating_sub(both)
                        .max(passwords)
                        .max(moved),
                case.count(|step| step.may_be_done() && disables(step)) + passwords + moved,
            ),
            ("notices of a password", told, passwords, passwords),
        ] {
            if !(least..=most).contains(&grown) {
                let text = format!("{name} grew by {grown}, not by {least} to {most}");
                self.blame(Some(person.id), text);
            }
        }
    }
}
