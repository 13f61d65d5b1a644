//! The reset links that work after a round.

use super::{
    case::Case,
    check::Round,
    history::Action,
    people::{Link, Person, canonical, link},
};
use crate::support::app::token_in;

impl<'a> Round<'a> {
    /// Checks which reset links work according to the tables; probes try them later.
    pub(super) fn check_links(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (person, id) = (case.person, Some(case.person.id));
        let known = person.links.len();
        let addresses = case.addresses();
        for mail in self
            .rest
            .mails
            .iter()
            .filter(|mail| mail.text.contains("?token="))
        {
            let token = token_in(mail);
            let (owner, hash) = link(&token);
            if owner != person.id {
                continue;
            }
            if mail.to.len() != 1 || !addresses.contains(&canonical(&mail.to[0])) {
                self.blame(id, format!("a link was sent to {:?}", mail.to));
            }
            settled.links.push(Link {
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
}
