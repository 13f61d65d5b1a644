//! Requests that are made one after another.

use super::{Experiment, Moment, REPEATING, Step};
use crate::{operations::Operation, wire::Call};

impl Experiment<'_> {
    /// Runs requests one after another, each of them as far as `is_enough` lets it.
    pub fn one_after_another(
        &self,
        requests: &[(usize, &'static Operation)],
        is_enough: impl Fn(usize, &[Step], &Call) -> bool,
    ) -> Moment {
        let mut moment = self.begin();
        moment.places = [None; REPEATING + 1];
        for (process, operation) in requests {
            let place = self.world.scripts.begin(self.world, *process, operation);
            moment.places[*process] = Some(place);
            let mut path = Vec::new();
            while let Some((id, number)) = self.waiting(&moment).first().copied() {
                if is_enough(*process, &path, &self.world.call(number)) {
                    moment.places[*process] = None;
                    break;
                }
                let (next, step) = self.step(&moment, id, number, None);
                moment = next;
                path.push(step);
            }
        }
        moment
    }
}
