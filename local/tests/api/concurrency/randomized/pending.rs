//! Pending addresses, in the worlds where another address takes effect once it is confirmed.

use std::collections::BTreeMap;

use super::{
    case::Case,
    check::Round,
    history::{Action, Step},
    people::{Person, canonical, link, stored},
    rest::Rest,
    values::{AT_REST, Set, Values},
    world::is_confirmation,
};
use crate::support::app::key_in;

/// No pending address.
pub const NONE: &str = "";

/// The canonical address of each confirmation link that was sent to a user.
fn link_addresses(person: &Person, rest: &Rest) -> BTreeMap<String, String> {
    let known = person.confirmation_links.iter();
    let known = known.map(|link| (link.token.clone(), link.address.clone()));
    let mails = rest.mails.iter().filter(|mail| is_confirmation(mail));
    let new = mails.filter_map(|mail| {
        let token = key_in(mail);
        (link(&token).0 == person.id).then(|| (token, canonical(&mail.to[0])))
    });
    known.chain(new).collect()
}

/// Every spelling of an address that a link may have confirmed.
fn spellings<'a>(person: &'a Person, steps: &[&'a Step]) -> Vec<&'a str> {
    let given = steps.iter().filter_map(|step| step.gives_email());
    let reverted = steps.iter().filter(|step| step.reverts());
    let reverted = reverted.filter_map(|step| step.sets_email());
    let before = [person.email.as_str(), person.pending_email.as_str()];
    let all = before.into_iter().chain(given).chain(reverted);
    all.filter(|email| *email != NONE).collect()
}

/// The addresses that confirmations may have set: once a link is used, the account has its address, in some spelling.
pub fn confirmed_emails<'a>(person: &'a Person, steps: &[&'a Step], rest: &Rest) -> Vec<Set<'a>> {
    let (links, spellings) = (link_addresses(person, rest), spellings(person, steps));
    let confirmations = steps
        .iter()
        .filter(|step| matches!(step.action, Action::Confirm { .. }) && step.may_be_done());
    let sets = confirmations.flat_map(|step| {
        let address = step.action.link().and_then(|token| links.get(token));
        let spellings = spellings.iter().copied();
        spellings
            .filter(move |email| Some(&canonical(email)) == address)
            .map(|value| Set { value, step })
    });
    sets.collect()
}

/// Every pending address that the user may have had.
pub fn pending_emails<'a>(
    person: &'a Person,
    steps: &[&'a Step],
    rest: &Rest,
    confirm_first: bool,
) -> Values<'a> {
    if !confirm_first {
        return Values::of(NONE, &[], |_| None);
    }
    let (links, spellings) = (link_addresses(person, rest), spellings(person, steps));
    let mut values = Values::of(&person.pending_email, steps, |step| match &step.action {
        Action::Update(update) => match &update.email {
            Some(email) if step.is_done() => vec![if shows_pending(step, email) {
                email
            } else {
                NONE
            }],
            Some(email) => vec![email, NONE],
            None if update.new_password().is_some() => vec![NONE],
            None => Vec::new(),
        },
        // The link may have been that of the present address, while another one was pending.
        Action::Confirm { key } => {
            let other = spellings.iter().copied();
            let other = other.filter(|email| Some(&canonical(email)) != links.get(key));
            other.chain([NONE]).collect()
        }
        Action::Revert { .. } | Action::Complete { .. } => vec![NONE],
        _ => Vec::new(),
    });
    let discards = steps.iter().filter(|step| step.may_have_discarded());
    let discards = discards.map(|step| Set { value: NONE, step });
    values.sets.extend(discards);
    values
}

/// `true` if the response shows `email` as the pending address.
fn shows_pending(step: &Step, email: &str) -> bool {
    step.json()["pending_email"] == stored(email).as_str()
}

/// `true` if the pending address in a record or a response, which is null or absent without one, is possible at `time`.
pub fn may_be_pending(case: &Case<'_>, value: Option<&str>, time: (u64, u64)) -> bool {
    let value = value.unwrap_or(NONE);
    let mut all = case.pending_emails.all();
    all.any(|email| {
        let is_value = if email == NONE {
            value == NONE
        } else {
            stored(email) == value
        };
        is_value && case.pending_emails.may_be(email, time)
    })
}

impl<'a> Round<'a> {
    /// Checks the pending address, and that the present address was notified of it.
    pub(super) fn check_pending(&mut self, case: &Case<'a>) {
        let id = Some(case.person.id);
        let pending = case.record["pending_email"]["email"].as_str();
        if !may_be_pending(case, pending, AT_REST) {
            self.blame(
                id,
                format!("{pending:?} is pending, which was not set last"),
            );
        }
        let is_new = pending.is_some_and(|email| email != case.person.pending_email);
        let notices = self.new_notices("email_change_requested", case.person.id);
        if is_new && notices.is_empty() {
            self.blame(id, format!("no notice of the pending address {pending:?}"));
        }
        let given = case.count(|step| step.gives_email().is_some() && step.may_be_done());
        if notices.len() as u64 > given || (!self.world.confirm_first && !notices.is_empty()) {
            self.blame(
                id,
                format!("{} notices of pending addresses", notices.len()),
            );
        }
    }
}
