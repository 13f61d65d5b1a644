//! The responses to requests with confirmation and revert links, and to those about sessions.

use super::{
    case::Case,
    history::{Action, Step},
    pending::may_be_pending,
    people::{Person, canonical, claims, link},
    responses::{Judged, unless},
};

/// Confirmation mails per day.
const CONFIRMATIONS: u64 = 5;

impl Judged<'_> {
    /// The number of requests that used the token of a link, and were applied.
    fn uses(&self, token: &str) -> usize {
        let uses = |step: &&Step| step.action.link() == Some(token) && step.is_done();
        self.steps.iter().filter(uses).count()
    }

    /// `true` if another request about the user, which `which` selects, may have been applied.
    fn is_disturbed(&self, case: &Case<'_>, which: impl Fn(&Step) -> bool) -> bool {
        let mut others = case.steps.iter();
        others.any(|step| step.began != self.step.began && step.may_be_done() && which(step))
    }

    /// The reason why no link of the user may have been accepted, if there is one.
    pub(super) fn unless_found(&self, case: &Case<'_>) -> Option<String> {
        unless(
            case.may_be_enabled(self.time()),
            "a link of a disabled or deleted user was accepted",
        )
    }

    pub(super) fn confirm(&self, key: &str) -> Option<String> {
        let case = self.case(link(key).0)?;
        let links = &case.person.confirmation_links;
        let place = links.iter().rposition(|link| link.token == key);
        let known = place.map(|place| &links[place]);
        match self.step.status {
            200 => {
                let is_revoked = known.is_some_and(|link| link.is_revoked);
                unless(!is_revoked, "a revoked confirmation link worked")
                    .or_else(|| self.unless_found(case))
                    .or_else(|| unless(self.uses(key) == 1, "a confirmation link worked twice"))
            }
            400 if self.step.json()["code"] == "invalid_token" => {
                let valid = known.is_some_and(|link| {
                    place.is_some_and(|place| place + 1 == links.len())
                        && !link.is_revoked
                        && link.ends_at > self.step.now
                        && self.may_confirm(case, &link.address)
                });
                let disturbed = self.is_disturbed(case, |step| {
                    step.moves()
                        || step.sets_password().is_some()
                        || matches!(step.action, Action::Resend { .. })
                });
                unless(
                    !valid || disturbed || !case.must_be_enabled(self.time()),
                    "a valid confirmation link did not work",
                )
            }
            _ => Some("not a response to a confirmation".to_owned()),
        }
    }

    /// `true` if a link to this address confirms the address that the user had after the last round, or the pending one.
    fn may_confirm(&self, case: &Case<'_>, address: &str) -> bool {
        let Person {
            id,
            email,
            pending_email,
            ..
        } = case.person;
        // The pending address is discarded if another user has it by now.
        let is_pending = !pending_email.is_empty()
            && canonical(pending_email) == address
            && !self.may_be_taken(pending_email, Some(*id));
        canonical(email) == address || is_pending
    }

    pub(super) fn resend(&self) -> Option<String> {
        let case = self.case(claims(self.step.action.token()?).0)?;
        let moves = |step: &Step| step.gives_email().is_some();
        match self.step.status {
            200 => unless(
                !case.person.is_verified
                    || !case.person.pending_email.is_empty()
                    || self.is_disturbed(case, moves),
                "a link to a verified address",
            ),
            400 if self.step.json()["code"] == "already_verified" => unless(
                (case.person.is_verified || self.is_disturbed(case, Step::verifies))
                    && may_be_pending(case, None, self.time()),
                "the address is not verified",
            ),
            429 => {
                let queues =
                    |step: &&&Step| moves(step) || matches!(step.action, Action::Resend { .. });
                let more = case.steps.iter().filter(queues).count() as u64;
                unless(
                    case.person.confirmations + more >= CONFIRMATIONS,
                    "there were not that many confirmation mails",
                )
            }
            _ => Some("not a response to a request for a confirmation".to_owned()),
        }
    }

    pub(super) fn revert(&self, key: &str) -> Option<String> {
        let case = self.case(link(key).0)?;
        let mut links = case.person.revert_links.iter();
        let known = links.find(|link| link.token == key);
        match self.step.status {
            201 => unless(
                known.is_some_and(|link| !link.is_revoked),
                "a revoked revert link worked",
            )
            .or_else(|| self.unless_found(case))
            .or_else(|| unless(self.uses(key) == 1, "a revert link worked twice")),
            400 if self.step.json()["code"] == "invalid_token" => {
                let valid =
                    known.is_some_and(|link| !link.is_revoked && link.former.until > self.step.now);
                let disturbed = self.is_disturbed(case, Step::reverts);
                let is_found = case.must_be_enabled(self.time());
                unless(
                    !valid || disturbed || !is_found,
                    "a valid revert link did not work",
                )
            }
            _ => Some("not a response to a reversion".to_owned()),
        }
    }

    pub(super) fn list_sessions(&self, token: &str) -> Option<String> {
        let (id, own, _) = claims(token);
        let case = self.case(id)?;
        let body = self.step.json();
        let list = body["sessions"].as_array().into_iter().flatten();
        let listed: Vec<_> = list
            .map(|session| {
                let id = session["id"].as_str().unwrap_or_default().to_owned();
                (id, session["current"] == true)
            })
            .collect();
        let current: Vec<_> = listed.iter().filter(|(_, current)| *current).collect();
        unless(
            self.step.status == 200 && current == [&(own, true)],
            "not the caller's sessions",
        )
        .or_else(|| {
            let mut ended = listed
                .iter()
                .filter(|(id, _)| case.person.ended.contains(id));
            ended
                .next()
                .map(|(id, _)| format!("the ended session {id} is listed"))
        })
    }
}
