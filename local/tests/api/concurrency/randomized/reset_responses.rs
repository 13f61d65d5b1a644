//! The responses to requests for reset links, and to those with one.

use super::{
    case::Case,
    history::{Action, Step},
    people::{canonical, link},
    responses::{Judged, unless},
};

/// Reset mails per day.
const MAILS: u64 = 5;

impl Judged<'_> {
    pub(super) fn request_reset(&self, email: &str) -> Option<String> {
        match self.step.status {
            200 => {
                let is_found = |case: &Case<'_>| {
                    self.may_have(case, email) && case.may_be_enabled(self.time())
                };
                unless(self.cases.iter().any(is_found), "no user can have had that")
            }
            404 => unless(self.found_by_email(email).is_none(), "a user had that"),
            429 => {
                let address = canonical(email);
                let spent = self.cases.iter().any(|case| {
                    case.addresses().contains(&address)
                        && (case.person.mails >= MAILS
                            || case.mails >= MAILS
                            || case.is_deleted()
                            || case.grew("passwords", case.person.passwords) > 0)
                });
                unless(spent, "there were not that many mails")
            }
            _ => Some("not a response to a reset request".to_owned()),
        }
    }

    pub(super) fn complete(&self, token: &str) -> Option<String> {
        let (id, _) = link(token);
        let case = self.case(id)?;
        let known = case
            .person
            .links
            .iter()
            .rposition(|link| link.token == token);
        let is_revoked = known.is_some_and(|place| case.person.links[place].is_revoked);
        let uses =
            |step: &Step| matches!(&step.action, Action::Complete { link, .. } if link == token);
        match self.step.status {
            201 => {
                let times = self
                    .steps
                    .iter()
                    .filter(|step| uses(step) && step.is_done());
                unless(!is_revoked, "a revoked link worked")
                    .or_else(|| self.unless_found(case))
                    .or_else(|| unless(times.count() == 1, "a link worked twice"))
            }
            400 if self.step.json()["code"] == "invalid_token" => {
                let newest = known.is_some_and(|place| place + 1 == case.person.links.len());
                let addresses = case.addresses();
                let disturbed = case.steps.iter().any(|step| {
                    step.began != self.step.began
                        && step.may_be_done()
                        && (step.sets_password().is_some() || step.moves())
                }) || !case.must_be_enabled(self.time())
                    || self.steps.iter().any(|step| {
                        matches!(&step.action, Action::RequestReset { email }
                        if addresses.contains(&canonical(email)))
                    });
                let expired =
                    known.is_some_and(|place| case.person.links[place].ends_at <= self.step.now);
                unless(
                    !newest || is_revoked || disturbed || expired,
                    "a valid link did not work",
                )
            }
            _ => Some("not a response to a completion".to_owned()),
        }
    }
}
