//! The changes by the operator: which users are disabled, which roles they have, and the audit trail.

use std::collections::BTreeMap;

use super::{
    case::{Case, DISABLED, ENABLED},
    check::Round,
    history::Step,
    operator::{APPLIED, Change, NOT_FOUND, PREVENTED, ROLES, UNCHANGED},
    responses::{Judged, unless},
    values::{AT_REST, Values},
};

const HAS: &str = "has";
const LACKS: &str = "lacks";

/// Whether the user has a role.
fn role<'a>(case: &Case<'a>, role: &str) -> Values<'a> {
    let initial = if case.person.roles.contains(role) {
        HAS
    } else {
        LACKS
    };
    Values::of(initial, &case.steps, |step| {
        let (_, change) = step.action.operation()?;
        let (_, has) = change.role().filter(|(changed, _)| *changed == role)?;
        Some(if has { HAS } else { LACKS })
    })
}

impl Round<'_> {
    /// Checks that the record is disabled and has the roles that the operator decided last.
    pub(super) fn check_operations(&mut self, case: &Case<'_>) {
        let id = Some(case.person.id);
        let is_disabled = case.record.get("disabled_at").is_some();
        let state = if is_disabled { DISABLED } else { ENABLED };
        if !case.states.may_be(state, AT_REST) {
            self.blame(id, format!("the user is {state}, which was not set last"));
        }
        let sessions = case.record["sessions"].as_object().unwrap();
        if is_disabled && !sessions.is_empty() {
            self.blame(id, "a disabled user has sessions".to_owned());
        }
        let roles = case.record["roles"].as_array();
        let roles: Vec<_> = roles
            .into_iter()
            .flatten()
            .map(|role| role.as_str().unwrap())
            .collect();
        for name in ROLES {
            let state = if roles.contains(&name) { HAS } else { LACKS };
            if !role(case, name).may_be(state, AT_REST) {
                self.blame(
                    id,
                    format!("the user {state} the role {name}, which was not set last"),
                );
            }
        }
        if roles.iter().any(|role| !ROLES.contains(role)) {
            self.blame(id, format!("the operator did not give the roles {roles:?}"));
        }
        // No mail of any kind may be sent to a user who was disabled in the whole round.
        let all_round = (1, u64::MAX);
        if case.states.must_be(DISABLED, all_round) && self.has_new_links(case) {
            self.blame(id, "a link was sent to a disabled user".to_owned());
        }
    }

    fn has_new_links(&self, case: &Case<'_>) -> bool {
        let id = case.person.id;
        let reset = self.world.mailed_links(id);
        let confirmation = self.world.mailed_confirmations(id);
        !reset.is_empty() || !confirmation.is_empty()
    }

    /// Checks that each change by the operator, and nothing else, has a record in the audit trail.
    pub(super) fn check_audit_records(&mut self) {
        let mut recorded: BTreeMap<(u64, &str), i64> = BTreeMap::new();
        for record in &self.rest.new_operator_changes(self.old_changes) {
            let user = record["user"].as_u64().unwrap();
            *recorded
                .entry((user, record["kind"].as_str().unwrap()))
                .or_default() += 1;
        }
        for step in self.steps {
            if let Some((user, change)) = step.action.operation()
                && step.status == APPLIED
            {
                *recorded.entry((user, change.name())).or_default() -= 1;
            }
        }
        for ((user, kind), surplus) in recorded {
            if surplus != 0 {
                let text = format!("{surplus} records of \"{kind}\" more than changes");
                self.blame(Some(user), text);
            }
        }
    }
}

impl Judged<'_> {
    /// The reason why the outcome of a change by the operator is wrong, if it is.
    pub(super) fn operate(&self, user: u64, change: &Change) -> Option<String> {
        let case = self.case(user)?;
        let time = self.time();
        let may_be = |done: bool| match change.role() {
            None => {
                let to = change.state()?;
                let from = if to == DISABLED { ENABLED } else { DISABLED };
                Some(case.states.may_be(if done { to } else { from }, time))
            }
            Some((name, has)) => {
                let state = if has == done { HAS } else { LACKS };
                Some(role(case, name).may_be(state, time))
            }
        };
        match self.step.status {
            APPLIED => unless(may_be(false)?, "the operator repeated a change"),
            UNCHANGED => unless(may_be(true)?, "the operator's change was needed"),
            NOT_FOUND => unless(!case.must_exist(time), "the operator did not find a user"),
            PREVENTED => {
                let concurrent = |step: &Step| {
                    step.began != self.step.began && step.began < time.1 && step.ended > time.0
                };
                unless(
                    case.count(concurrent) > 0,
                    "nothing prevented the operator's change",
                )
            }
            _ => Some("not an outcome of a change by the operator".to_owned()),
        }
    }
}
