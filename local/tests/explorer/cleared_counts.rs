//! The bound on the clearing of counts: an attempt that got no response may have cleared them, and the next one then finds none.

use crate::{
    check::{Check, End},
    faults::Fault,
    memory::Number,
    operator::UNCHANGED,
};

impl Check<'_> {
    /// Returns true if the operator is told that there was no count, after an attempt without a response.
    pub fn counts_as_cleared(&self, end: &End, process: usize, serial: Number) -> bool {
        let is_lost = |((target, _), fault)| target == process && fault == Fault::LostResponse;
        let operation = self.operations.get(process);
        let clears = operation.is_some_and(|one| one.name.starts_with("clear_"));
        let status = |number| self.world.answers.value(number).status;
        let answer = end.answers.iter().find(|(other, _)| *other == process);
        let actual = answer.and_then(|(_, answer)| *answer).map(status);
        clears
            && end.fault.is_some_and(is_lost)
            && actual == Some(UNCHANGED)
            && status(serial) == 200
    }
}
