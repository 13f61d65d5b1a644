//! The mails of a round: a notice of every change, and none without a change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    case::Case,
    check::Round,
    history::{Action, Step},
    people::{Person, canonical},
};

impl<'a> Round<'a> {
    pub(super) fn check_mails(&mut self, case: &Case<'a>, settled: &mut Person) {
        let (person, id) = (case.person, case.person.id);
        let addresses = case.addresses();
        // Every former address gets a notice.
        let mut notified: BTreeSet<String> = BTreeSet::new();
        for (kind, subject) in [
            ("email_changed", "Your Latchkey e-mail address was changed"),
            (
                "email_change_requested",
                "A new e-mail address for your Latchkey account",
            ),
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
                let is_dropped = notice["state"] == "dropped" && case.may_have_been_disabled();
                if is_dropped {
                    settled.unnotified.extend(notice["reverts"].as_u64());
                } else if sent.count() != 1 || notice["state"] != "sent" {
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
    }

    /// Checks that there are no more mails than changes, except copies after faults.
    pub(super) fn check_surplus(&mut self, cases: &[Case<'a>]) {
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
