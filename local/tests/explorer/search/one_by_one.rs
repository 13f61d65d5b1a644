//! Requests that are made one after another.

use std::rc::Rc;

use super::{Experiment, Moment, REPEATING, Step};
use crate::{operations::Operation, serial::Progress, wire::Call, world::State};

/// Requests that were made one after another.
pub struct OneByOne {
    /// The end.
    pub moment: Moment,
    /// The state after each part.
    pub states: Vec<State>,
    /// The calls of each process.
    pub paths: [Vec<Step>; REPEATING + 1],
}

impl Experiment<'_> {
    /// Runs requests one after another, each of them as far as `progress` says after each call, by the number of the request. `choose` returns
    /// the place of the next call among several that wait. One that paused goes on when its process is named again.
    pub fn one_after_another(
        &self,
        requests: &[(usize, &'static Operation)],
        choose: impl Fn(usize, &[Rc<Call>]) -> usize,
        progress: impl Fn(usize, &[Step], &Call) -> Progress,
    ) -> OneByOne {
        let mut moment = self.begin();
        moment.places = [None; REPEATING + 1];
        let mut paths: [Vec<Step>; REPEATING + 1] = Default::default();
        let mut states = Vec::new();
        for (number, (process, operation)) in requests.iter().enumerate() {
            moment.places[*process]
                .get_or_insert_with(|| self.world.scripts.begin(self.world, *process, operation));
            loop {
                let waiting = self.waiting(&moment).into_iter();
                let own: Vec<_> = waiting.filter(|(id, _)| id.0 == *process).collect();
                let calls: Vec<_> = own.iter().map(|(_, call)| self.world.call(*call)).collect();
                if own.is_empty() {
                    break;
                }
                let (id, call) = own[choose(number, &calls)];
                match progress(number, &paths[*process], &self.world.call(call)) {
                    Progress::GoesOn => {}
                    Progress::Paused => break,
                    Progress::Stopped | Progress::Failed => {
                        moment.places[*process] = None;
                        break;
                    }
                }
                let (next, step) = self.step(&moment, id, call, None);
                moment = next;
                paths[*process].push(step);
            }
            states.push(moment.state.clone());
        }
        OneByOne {
            moment,
            states,
            paths,
        }
    }
}
