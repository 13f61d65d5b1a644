//! A user after a round, with the requests about it and every value that its details may have had.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    history::{Action, Step},
    pending::{confirmed_emails, pending_emails},
    people::{Person, canonical, claims, link},
    rest::Rest,
    values::Values,
};

/// The states of an account.
pub const ABSENT: &str = "absent";
pub const ENABLED: &str = "enabled";
pub const DISABLED: &str = "disabled";
pub const DELETED: &str = "deleted";

/// A user after the round: the record and the steps about it.
pub struct Case<'a> {
    pub person: &'a Person,
    /// Null for a user who was deleted.
    pub record: &'a Value,
    pub steps: Vec<&'a Step>,
    pub states: Values<'a>,
    pub passwords: Values<'a>,
    pub emails: Values<'a>,
    /// The empty text stands for no pending address.
    pub pending_emails: Values<'a>,
    pub first_names: Values<'a>,
    pub last_names: Values<'a>,
    /// Reset mails that count towards the daily limit now.
    pub mails: u64,
    /// The expiry of the newest link; 0 without one.
    pub link_ends: u64,
}

impl<'a> Case<'a> {
    pub fn new(person: &'a Person, rest: &'a Rest, all: &'a [Step], confirm_first: bool) -> Self {
        let number = |kind: &str, name: &str| {
            let item = rest.transient.get(&format!("{kind}#{}", person.id));
            item.and_then(|item| item[name].as_u64())
                .unwrap_or_default()
        };
        let record = rest.users.get(&person.id).unwrap_or(&Value::Null);
        let steps: Vec<_> = all.iter().filter(|step| is_about(step, person)).collect();
        let mut emails = Values::of(&person.email, &steps, Step::sets_email);
        if confirm_first {
            emails.sets.extend(confirmed_emails(person, &steps, rest));
        }
        Self {
            person,
            record,
            states: states(person, !record.is_null(), all, &steps),
            passwords: Values::of(&person.password, &steps, Step::sets_password),
            emails,
            pending_emails: pending_emails(person, &steps, rest, confirm_first),
            first_names: Values::of(&person.first_name, &steps, |step| {
                step.update()?.first_name.as_deref()
            }),
            last_names: Values::of(&person.last_name, &steps, |step| {
                step.update()?.last_name.as_deref()
            }),
            steps,
            mails: number("mail#reset_password", "count"),
            link_ends: number("reset", "expires_at"),
        }
    }

    pub fn is_deleted(&self) -> bool {
        self.record.is_null()
    }

    /// The canonical form of every address that the user may have had.
    pub fn addresses(&self) -> BTreeSet<String> {
        self.emails.all().map(canonical).collect()
    }

    /// The canonical form of every address that a confirmation link may have been sent to.
    pub fn confirmable_addresses(&self) -> BTreeSet<String> {
        let pending = self.pending_emails.all().filter(|email| !email.is_empty());
        self.emails.all().chain(pending).map(canonical).collect()
    }

    /// `true` if the user may have existed, and so had its names, at some time from `began` to `ended`.
    pub fn may_exist(&self, time: (u64, u64)) -> bool {
        self.states.may_be(ENABLED, time) || self.states.may_be(DISABLED, time)
    }

    /// `true` if the user existed all the time from `began` to `ended`.
    pub fn must_exist(&self, time: (u64, u64)) -> bool {
        !self.states.may_be(ABSENT, time) && !self.states.may_be(DELETED, time)
    }

    /// `true` if requests may have found the user at some time from `began` to `ended`.
    pub fn may_be_enabled(&self, time: (u64, u64)) -> bool {
        self.states.may_be(ENABLED, time)
    }

    /// `true` if every request from `began` to `ended` found the user.
    pub fn must_be_enabled(&self, time: (u64, u64)) -> bool {
        self.states.must_be(ENABLED, time)
    }

    /// `true` if the user may have been disabled at some time since the last round.
    pub fn may_have_been_disabled(&self) -> bool {
        self.states.all().any(|state| state == DISABLED)
    }

    pub fn grew(&self, name: &str, before: u64) -> u64 {
        self.record[name].as_u64().unwrap().wrapping_sub(before)
    }

    /// The number of the steps that `which` selects.
    pub fn count(&self, which: impl Fn(&Step) -> bool) -> u64 {
        self.steps.iter().filter(|step| which(step)).count() as u64
    }
}

/// `true` if a step is about this user.
pub fn is_about(step: &Step, person: &Person) -> bool {
    match &step.action {
        Action::LogIn { .. } if step.is_done() => {
            step.json()["user"]["id"].as_u64() == Some(person.id)
        }
        Action::LogIn { name, .. } => name.eq_ignore_ascii_case(&person.username),
        Action::SignUp { .. } | Action::RequestReset { .. } => false,
        Action::Operate { user, .. } => *user == person.id,
        action => {
            let of_session = action.token().map(|token| claims(token).0);
            of_session.or(action.link().map(|token| link(token).0)) == Some(person.id)
        }
    }
}

/// Every state that the account may have had: `all` are all steps of the round, and `steps` those about the user.
fn states<'a>(person: &Person, exists: bool, all: &'a [Step], steps: &[&'a Step]) -> Values<'a> {
    let initial = match (person.is_new, person.is_disabled) {
        (true, _) => ABSENT,
        (_, true) => DISABLED,
        (_, false) => ENABLED,
    };
    let signed_up = |step: &&Step| match &step.action {
        Action::SignUp { username, .. } if person.is_new => {
            let is_open = step.is_open() && username.eq_ignore_ascii_case(&person.username);
            is_open || step.json()["user"]["id"].as_u64() == Some(person.id)
        }
        _ => false,
    };
    let steps: Vec<_> = all
        .iter()
        .filter(signed_up)
        .chain(steps.iter().copied())
        .collect();
    Values::of(initial, &steps, |step| match &step.action {
        Action::SignUp { .. } => Some(ENABLED),
        // An id is never used again: a user who exists was not deleted.
        Action::Delete { .. } if !exists => Some(DELETED),
        Action::Operate { change, .. } => change.state(),
        _ => None,
    })
}
