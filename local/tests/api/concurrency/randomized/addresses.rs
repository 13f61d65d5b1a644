//! Verified and reserved addresses after a round, and which confirmation and revert links work.

use super::{
    case::Case,
    check::Round,
    history::Step,
    people::{ConfirmationLink, Person, RevertLink, canonical, former, link},
    world::is_confirmation,
};
use crate::support::app::key_in;

/// The number of links of a user that are remembered.
const REMEMBERED: usize = 12;

impl<'a> Round<'a> {
    pub(super) fn check_addresses(&mut self, case: &Case<'a>, settled: &mut Person) {
        self.check_verified(case);
        self.check_former(case);
        self.check_confirmation_links(case, settled);
        self.check_revert_links(case, settled);
    }

    fn check_verified(&mut self, case: &Case<'a>) {
        let id = Some(case.person.id);
        let (before, after) = (
            case.person.is_verified,
            case.record["email_verified"] == true,
        );
        // An address that is confirmed first is verified when it takes effect.
        let moves = |step: &Step| !self.world.confirm_first && step.gives_email().is_some();
        let may = |which: &dyn Fn(&Step) -> bool| {
            case.steps
                .iter()
                .any(|step| step.may_be_done() && which(step))
        };
        let verified = case
            .steps
            .iter()
            .any(|step| step.is_done() && step.verifies());
        if after && !before && !may(&Step::verifies) {
            self.blame(id, "the address was verified by nothing".to_owned());
        }
        if !after && (before || verified) && !may(&moves) {
            self.blame(id, "the address is not verified any more".to_owned());
        }
    }

    fn check_former(&mut self, case: &Case<'a>) {
        let (id, now) = (Some(case.person.id), self.rest.now);
        let after = former(case.record);
        let reverted = |step: &&&Step| step.reverts() && step.may_be_done();
        let is_reverted = case.steps.iter().any(|step| reverted(&step));
        for before in &case.person.former {
            if before.until > now && !is_reverted && !after.contains(before) {
                self.blame(id, format!("the reservation of {} was lost", before.email));
            }
        }
        let addresses = case.addresses();
        for new in after.iter().filter(|one| !case.person.former.contains(one)) {
            if !addresses.contains(&canonical(&new.email)) {
                self.blame(id, format!("{} was never an address", new.email));
            }
        }
    }

    fn check_confirmation_links(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (id, now) = (Some(case.person.id), self.rest.now);
        let item = self
            .rest
            .transient
            .get(&format!("confirm#{}", case.person.id));
        let known = case.person.confirmation_links.len();
        let addresses = case.confirmable_addresses();
        for mail in self.rest.mails.iter().filter(|mail| is_confirmation(mail)) {
            let token = key_in(mail);
            let (owner, hash) = link(&token);
            if owner != case.person.id {
                continue;
            }
            let address = canonical(&mail.to[0]);
            if mail.to.len() != 1 || !addresses.contains(&address) {
                self.blame(id, format!("a confirmation link was sent to {:?}", mail.to));
            }
            settled.confirmation_links.push(ConfirmationLink {
                token,
                hash,
                address,
                is_revoked: false,
                ends_at: item.map_or(0, |item| item["expires_at"].as_u64().unwrap()),
            });
        }
        let has_copy = item.is_some_and(|item| item.get("earlier_hash").is_some());
        let is_stored = |hash: &str| {
            item.is_some_and(|item| item["hash"] == hash || item["earlier_hash"] == hash)
        };
        let last = settled.confirmation_links.len();
        let mut found = Vec::new();
        for (place, link) in settled.confirmation_links.iter_mut().enumerate() {
            let uses = |step: &Step| step.action.link() == Some(&link.token);
            let mut steps = case.steps.iter();
            let is_used = steps.clone().any(|step| uses(step) && step.is_done());
            let is_tried = |step: &Step| step.may_be_done() || self.may_have_discarded(step);
            let may_be_used = steps.any(|step| uses(step) && is_tried(step));
            let is_stored = is_stored(&link.hash);
            let is_replaced = place < known && last > known && !has_copy;
            if is_stored && (is_used || link.is_revoked || is_replaced) {
                found.push(format!(
                    "confirmation link {} is stored, but should not be",
                    link.token
                ));
            }
            let is_newest = place + 1 == last;
            let is_valid = is_newest && !link.is_revoked && link.ends_at > now;
            if !is_stored && is_valid && !may_be_used {
                found.push(format!(
                    "confirmation link {} is not stored, but should be",
                    link.token
                ));
            }
            link.is_revoked = !is_stored;
        }
        for text in found {
            self.blame(id, text);
        }
        let surplus = last.saturating_sub(REMEMBERED);
        settled.confirmation_links.drain(..surplus);
    }

    fn check_revert_links(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (id, now) = (Some(case.person.id), self.rest.now);
        let after = former(case.record);
        let stored = |hash: &str| {
            let key = format!("revert#{}#{hash}", case.person.id);
            self.rest.transient.get(&key)
        };
        let mut found = Vec::new();
        let mails = self.rest.mails.iter();
        for mail in mails.filter(|mail| mail.text.contains("/revert_email?key=")) {
            let token = key_in(mail);
            let (owner, hash) = link(&token);
            if owner != case.person.id {
                continue;
            }
            let number = stored(&hash).map(|item| item["number"].as_u64().unwrap());
            let one = after.iter().find(|former| Some(former.number) == number);
            match one {
                Some(former) if canonical(&former.email) == canonical(&mail.to[0]) => {
                    settled.revert_links.push(RevertLink {
                        token,
                        hash,
                        former: former.clone(),
                        is_revoked: false,
                    });
                }
                Some(_) => found.push(format!("a revert link was sent to {:?}", mail.to)),
                // A link of an earlier change was used.
                None if number.is_some() && is_reverted(case) => {}
                None => found.push(format!("revert link {token} is of no change")),
            }
        }
        let of = |number: u64| move |link: &&RevertLink| link.former.number == number;
        for new in after.iter().filter(|one| one.until > now) {
            let mut links = settled.revert_links.iter();
            let is_sent = links.any(|link| of(new.number)(&link));
            if !is_sent && !settled.unnotified.contains(&new.number) {
                found.push(format!("no revert link was sent to {}", new.email));
            }
        }
        let links = case.person.revert_links.clone();
        let number_of = |step: &Step| {
            let mut links = links.iter();
            let used = links.find(|link| step.action.link() == Some(&link.token));
            used.map(|link| link.former.number)
        };
        for link in &mut settled.revert_links {
            let ends = |step: &Step| number_of(step).is_some_and(|used| used <= link.former.number);
            let mut steps = case
                .steps
                .iter()
                .filter(|step| step.reverts() && ends(step));
            // A link of this round may be of a change after the reversion.
            let is_known = links.iter().any(|known| known.token == link.token);
            let is_ended = is_known && steps.clone().any(|step| step.is_done());
            let may_be_ended = steps.any(|step| step.may_be_done());
            let works = stored(&link.hash).is_some()
                && after.contains(&link.former)
                && link.former.until > now;
            if works && (is_ended || link.is_revoked) {
                found.push(format!("revert link {} works, but should not", link.token));
            }
            if !works && !link.is_revoked && !may_be_ended && link.former.until > now {
                found.push(format!(
                    "revert link {} does not work, but should",
                    link.token
                ));
            }
            link.is_revoked = !works;
        }
        let surplus = settled.revert_links.len().saturating_sub(3 * REMEMBERED);
        settled.revert_links.drain(..surplus);
        for text in found {
            self.blame(id, text);
        }
    }
}

fn is_reverted(case: &Case<'_>) -> bool {
    let mut steps = case.steps.iter();
    steps.any(|step| step.reverts() && step.may_be_done())
}
