//! The bound on the end of sessions: if an attempt got no response, nothing tells which request ended them.

use std::collections::BTreeSet;

use crate::{
    check::{Check, End},
    compare::plain,
    database::Items,
    faults::Fault,
    memory::Number,
};

impl Check<'_> {
    /// Returns true for a response of success to the end of sessions that had ended by themselves, if an attempt got no response. Of all
    /// sessions of a user none may be left that was there before.
    pub fn counts_as_ended(&self, end: &End, process: usize, serial: Number) -> bool {
        let is_unanswered = |fault| matches!(fault, Fault::LostRequest | Fault::LostResponse);
        let is_of = |((target, _), fault)| target == process && is_unanswered(fault);
        let operation = self.operations.get(process);
        if !end.fault.is_some_and(is_of) || !operation.is_some_and(|one| one.ends_sessions()) {
            return false;
        }
        let answer = end.answers.iter().find(|(other, _)| *other == process);
        let answers = &self.world.answers;
        let actual = answer.and_then(|(_, answer)| *answer);
        let is_done = actual.is_some_and(|answer| answers.value(answer).status == 204);
        let is_missing = matches!(answers.value(serial).status, 401 | 404);
        let ends_all = operation.is_some_and(|one| one.name == "end_all_sessions");
        is_done && is_missing && !(ends_all && self.keeps_a_session(end))
    }

    /// Returns true if the user has a session of the start at the end.
    fn keeps_a_session(&self, end: &End) -> bool {
        let key = format!("user#{}", self.world.start.alice);
        let sessions = |items: &Items| -> BTreeSet<String> {
            let user = items.iter().find(|((_, other), _)| *other == key);
            let user = user.map(|(_, item)| plain(item));
            let sessions = user.as_ref().and_then(|user| user["sessions"].as_object());
            sessions
                .into_iter()
                .flatten()
                .map(|(id, _)| id.clone())
                .collect()
        };
        let tables = &self.world.tables;
        let before = sessions(&tables.items(&self.world.initial.tables));
        let after = sessions(&tables.items(&end.state.tables));
        !before.is_disjoint(&after)
    }
}
