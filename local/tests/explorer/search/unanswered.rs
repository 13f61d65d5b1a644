//! A write that was applied and whose response was lost.

use super::{Experiment, Moment, Step};
use crate::{faults::Fault, memory::Number, wire::Call};

/// What became of the write whose response was lost, if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// There is none, or its other attempt found what it had written.
    #[default]
    None,
    /// This call was applied, and nothing has written its item since.
    Applied(Number),
    /// This call was applied, and another request has written its item since.
    Overwritten(Number),
    /// Another request wrote the item between the two attempts. Nothing tells that the first one was applied.
    Ambiguous,
}

impl Experiment<'_> {
    /// What became of it with this step.
    pub(super) fn unanswered(&self, before: &Moment, step: &Step) -> Unanswered {
        let call = self.world.call(step.call);
        if step.fault == Some(Fault::LostResponse) {
            // DynamoDB knows another attempt of a transaction by its token.
            let is_single = is_write(&call) && call.operation != "TransactWriteItems";
            return if is_single && self.is_applied(before, step.call) {
                Unanswered::Applied(step.call)
            } else {
                Unanswered::None
            };
        }
        let (Unanswered::Applied(lost) | Unanswered::Overwritten(lost)) = before.unanswered else {
            return before.unanswered;
        };
        let is_own = before.fault.is_some_and(|(id, _)| id.0 == step.id.0);
        if is_own {
            return match before.unanswered {
                Unanswered::Overwritten(_) if step.call == lost => Unanswered::Ambiguous,
                Unanswered::Applied(_) if step.call == lost => Unanswered::None,
                unchanged => unchanged,
            };
        }
        let is_done = self
            .world
            .reply(step.reply)
            .is_some_and(|reply| reply.0 == 200);
        let is_same_item = self
            .world
            .call(lost)
            .keys
            .iter()
            .any(|key| call.keys.contains(key));
        if is_done && is_write(&call) && is_same_item {
            Unanswered::Overwritten(lost)
        } else {
            before.unanswered
        }
    }

    /// Returns true if a write is applied in this state.
    fn is_applied(&self, before: &Moment, call: Number) -> bool {
        let reply = self.world.execute(&mut before.state.clone(), call);
        self.world.reply(reply).is_some_and(|reply| reply.0 == 200)
    }
}

fn is_write(call: &Call) -> bool {
    call.operation != "GetItem" && !call.keys.is_empty()
}
