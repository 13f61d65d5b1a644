//! The responses that a request may get, given all concurrent requests.

use super::{
    case::Case,
    deletions::{Deleted, revived},
    history::{Action, Step},
    people::{canonical, claims},
};

/// The reason why the response is wrong, if it is.
pub fn violation(
    step: &Step,
    steps: &[Step],
    cases: &[Case<'_>],
    deleted: &Deleted,
) -> Option<String> {
    let judged = Judged { step, steps, cases };
    if let Some((user, change)) = step.action.operation() {
        return revived(step, deleted).or_else(|| judged.operate(user, change));
    }
    if step.status == 503 {
        return unless(
            step.excused && step.retry_after.is_some(),
            "503 without a fault",
        );
    }
    if step.status == 429 && step.retry_after.is_none_or(|seconds| seconds == 0) {
        return Some("429 without Retry-After".to_owned());
    }
    if step.status == 401 && step.action.token().is_some() {
        // The end of the session is checked after the round.
        return None;
    }
    let served = revived(step, deleted).or_else(|| judged.used_ended_session());
    served.or_else(|| match &step.action {
        Action::Confirm { key } => judged.confirm(key),
        Action::Resend { .. } => judged.resend(),
        Action::Revert { key, .. } => judged.revert(key),
        Action::ListSessions { token } => judged.list_sessions(token),
        Action::EndSession { .. } => unless(
            matches!(step.status, 204 | 404),
            "not a response to ending a session",
        ),
        Action::EndSessions { .. } => {
            unless(step.status == 204, "not a response to ending all sessions")
        }
        Action::SignUp {
            username, email, ..
        } => judged.sign_up(username, email),
        Action::LogIn { name, password } => judged.log_in(name, password),
        Action::LogOut { token } => judged.log_out(token),
        Action::Read { token, id } => judged.read(token, *id),
        Action::Update(update) => judged.update(update),
        Action::RequestReset { email } => judged.request_reset(email),
        Action::Complete { link, .. } => judged.complete(link),
        Action::Delete { token, password } => judged.delete(token, password),
        Action::Operate { .. } => None,
    })
}

pub(super) fn unless(is_right: bool, what: &str) -> Option<String> {
    (!is_right).then(|| what.to_owned())
}

pub(super) struct Judged<'a> {
    pub(super) step: &'a Step,
    pub(super) steps: &'a [Step],
    pub(super) cases: &'a [Case<'a>],
}

impl Judged<'_> {
    pub(super) const fn time(&self) -> (u64, u64) {
        (self.step.began, self.step.ended)
    }

    pub(super) fn case(&self, id: u64) -> Option<&Case<'_>> {
        self.cases.iter().find(|case| case.person.id == id)
    }

    /// `true` if the user may have had the address during the request.
    pub(super) fn may_have(&self, case: &Case<'_>, email: &str) -> bool {
        let address = canonical(email);
        let mut spellings = case.emails.all();
        let had =
            spellings.any(|one| canonical(one) == address && case.emails.may_be(one, self.time()));
        had && case.may_exist(self.time())
    }

    /// `true` if a user other than `but` may have had or reserved the address during the request.
    pub(super) fn may_be_taken(&self, email: &str, but: Option<u64>) -> bool {
        let mut others = self.cases.iter().filter(|case| Some(case.person.id) != but);
        let address = canonical(email);
        let is_reserved = |case: &Case<'_>| {
            let mut before = case.person.former.iter();
            let mut sets = case.emails.sets.iter();
            let is_verified = case.person.is_verified
                || case
                    .steps
                    .iter()
                    .any(|step| step.verifies() && step.may_be_done());
            let was_had = canonical(case.emails.initial) == address
                || sets
                    .any(|set| canonical(set.value) == address && set.step.began < self.step.ended);
            let is_former = before.any(|former| canonical(&former.email) == address);
            case.may_exist(self.time()) && (is_former || (is_verified && was_had))
        };
        others.any(|case| self.may_have(case, email) || is_reserved(case))
    }

    /// `true` if the address was reserved for a user other than `but` during the whole request.
    pub(super) fn is_reserved(&self, email: &str, but: Option<u64>) -> bool {
        let address = canonical(email);
        let mut others = self.cases.iter().filter(|case| Some(case.person.id) != but);
        others.any(|case| {
            let mut former = case.person.former.iter();
            let is_reverted = case
                .steps
                .iter()
                .any(|step| step.reverts() && step.may_be_done());
            !is_reverted
                && case.must_exist(self.time())
                && former.any(|former| {
                    canonical(&former.email) == address && former.until > self.step.now
                })
        })
    }

    /// The user who had the address during the whole request.
    pub(super) fn owner(&self, email: &str) -> Option<&Case<'_>> {
        let address = canonical(email);
        self.cases.iter().find(|case| {
            let mut sets = case.emails.sets.iter();
            canonical(&case.person.email) == address
                && case.must_exist(self.time())
                && sets
                    .all(|set| canonical(set.value) == address || set.step.began > self.step.ended)
        })
    }

    /// A session that ended before the request must not be served.
    fn used_ended_session(&self) -> Option<String> {
        let token = self.step.action.token()?;
        let (id, name, _) = claims(token);
        let case = self.case(id)?;
        let is_end = matches!(
            self.step.action,
            Action::LogOut { .. } | Action::EndSession { .. } | Action::EndSessions { .. }
        );
        if self.step.excused && is_end {
            // The first attempt may have ended the session.
            return None;
        }
        if !case.may_be_enabled(self.time()) {
            return Some("a session of a disabled or deleted user was served".to_owned());
        }
        let Some(session) = case.person.sessions.get(&name) else {
            return Some("a session that had ended was served".to_owned());
        };
        let ended = case
            .steps
            .iter()
            .filter(|step| step.ended < self.step.began)
            .find(|step| {
                let same = step
                    .action
                    .token()
                    .is_some_and(|token| claims(token).1 == name);
                let out = matches!(step.action, Action::LogOut { .. }) && step.is_done();
                let others = step.is_done()
                    && step.sets_password().is_some()
                    && step.began > session.ended
                    && !same;
                let ended = step.is_done() && step.action.ends(&name) && step.began > session.ended;
                (same && (out || step.status == 401)) || others || ended
            });
        ended.map(|step| format!("a session that ended by {step} was served"))
    }
}
