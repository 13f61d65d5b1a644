//! The search through all orders: depth first. Two orders that lead to the same state go on alike, so that it goes on from each state
//! once. A state is that of the tables, the mails, and every reply that each request got so far.

mod one_by_one;
mod trace;
mod unanswered;

use std::collections::HashMap;

pub use self::{
    one_by_one::OneByOne,
    trace::{letter, trace, write_order},
    unanswered::Unanswered,
};
use crate::{
    faults::{FAULTS, Fault},
    memory::{NOTHING, Number},
    operations::Operation,
    script::Place,
    wire::{Call, TTL},
    world::{State, World},
};

/// The process that repeats the request of one that was killed.
pub const REPEATING: usize = 3;

/// The most states of a search with three requests, since each is kept: two gigabytes of them.
const MAX_STATES: usize = 600_000;

/// Identifies a call of a run: the process, and the number among its calls.
pub type CallId = (usize, usize);

/// Requests, and what goes wrong.
#[derive(Clone, Copy)]
pub struct Experiment<'a> {
    pub world: &'a World,
    /// One request, or up to three.
    pub operations: &'a [&'static Operation],
    /// Returns true for a fault that may happen. At most one happens in a run.
    pub may_fail: &'a dyn Fn(CallId, &Call, Fault) -> bool,
    /// False if the search goes on from a state as often as it gets there.
    pub merges: bool,
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    pub state: State,
    /// What each process has done; nothing without a request, or after it was killed.
    pub places: [Option<Place>; REPEATING + 1],
    /// The fault that happened.
    pub fault: Option<(CallId, Fault)>,
    /// The process whose request is repeated.
    pub repeated: Option<usize>,
    pub unanswered: Unanswered,
}

/// A call that was carried out.
#[derive(Clone, Copy)]
pub struct Step {
    pub id: CallId,
    pub call: Number,
    pub reply: Number,
    pub fault: Option<Fault>,
}

/// The runs of a search.
#[derive(Clone, Copy, Default)]
pub struct Count {
    /// The orders of runs without a fault.
    pub orders: u64,
    /// The orders of runs with one.
    pub faulty: u64,
    /// The different states.
    pub states: usize,
    /// False if the search ended at the most states that it may have.
    pub is_complete: bool,
}

/// A search in progress.
struct Search<'a, Visit> {
    experiment: &'a Experiment<'a>,
    visit: Visit,
    /// The orders that lead on from each state: without a fault, and with one.
    known: HashMap<Moment, (u64, u64)>,
    path: Vec<Step>,
    states: usize,
    is_over: bool,
}

impl Experiment<'_> {
    /// Runs all orders, until `visit` returns false for the end of one.
    pub fn explore(&self, visit: impl FnMut(&Moment, &[Step]) -> bool) -> Count {
        let mut search = Search {
            experiment: self,
            visit,
            known: HashMap::new(),
            path: Vec::new(),
            states: 0,
            is_over: false,
        };
        let (orders, faulty) = search.go_on(&self.begin());
        Count {
            orders,
            faulty,
            states: search.states,
            is_complete: !self.is_too_large(search.states),
        }
    }

    const fn is_too_large(&self, states: usize) -> bool {
        self.operations.len() > 2 && states > MAX_STATES
    }

    /// The beginning of every run.
    fn begin(&self) -> Moment {
        let mut moment = Moment {
            state: self.world.initial.clone(),
            places: [None; REPEATING + 1],
            fault: None,
            repeated: None,
            unanswered: Unanswered::None,
        };
        for (process, operation) in self.operations.iter().enumerate() {
            let place = self.world.scripts.begin(self.world, process, operation);
            moment.places[process] = Some(place);
        }
        moment
    }

    /// The calls that wait for their replies.
    fn waiting(&self, moment: &Moment) -> Vec<(CallId, Number)> {
        let mut all = Vec::new();
        for (process, place) in moment.places.iter().enumerate() {
            let Some(place) = place else { continue };
            let waiting = self.world.scripts.waiting(*place);
            all.extend(
                waiting
                    .iter()
                    .map(|(number, call)| ((process, *number), *call)),
            );
        }
        all
    }

    /// Carries out a call, or lets it fail.
    fn step(
        &self,
        moment: &Moment,
        id: CallId,
        number: Number,
        fault: Option<Fault>,
    ) -> (Moment, Step) {
        let world = self.world;
        let mut next = moment.clone();
        let call = world.call(number);
        let reply = match fault {
            None | Some(Fault::Killed) => world.execute(&mut next.state, number),
            Some(Fault::LostRequest) => NOTHING,
            Some(Fault::LostResponse) => {
                world.lose(&mut next.state, number);
                NOTHING
            }
            Some(fault) => world.reply_number(fault.error(&call).unwrap()),
        };
        let process = id.0;
        if let Some(fault) = fault {
            next.fault = Some((id, fault));
        }
        if fault == Some(Fault::Killed) {
            next.places[process] = None;
            self.repeat(&mut next, process);
        } else {
            let place = next.places[process].unwrap();
            next.places[process] = Some(world.scripts.advance(world, place, id.1, reply));
            // The schedule repeats the delivery of a mail that could not be sent.
            let is_made = fault.is_none_or(|fault| fault == Fault::LostResponse);
            if call.operation == "CreateSchedule" && is_made {
                self.repeat(&mut next, process);
            }
        }
        let step = Step {
            id,
            call: number,
            reply,
            fault,
        };
        next.unanswered = self.unanswered(moment, &step);
        (next, step)
    }

    /// Has a request repeated, once.
    fn repeat(&self, moment: &mut Moment, process: usize) {
        if moment.repeated.is_none() {
            let operation = self.operations[process];
            moment.repeated = Some(process);
            moment.places[REPEATING] =
                Some(self.world.scripts.begin(self.world, REPEATING, operation));
        }
    }

    /// The faults that may happen to a call.
    fn faults(&self, moment: &Moment, id: CallId, number: Number) -> Vec<Fault> {
        let call = self.world.call(number);
        // What DynamoDB deletes by itself it deletes at some time.
        if moment.fault.is_some() || call.function == TTL {
            return Vec::new();
        }
        FAULTS
            .into_iter()
            .filter(|fault| fault.is_possible(&call.operation))
            .filter(|fault| (self.may_fail)(id, &call, *fault))
            .collect()
    }

    /// Runs one order: the calls of `order`, and then the first that waits.
    pub fn replay(&self, order: &[CallId], fault: Option<(CallId, Fault)>) -> (Moment, Vec<Step>) {
        let mut moment = self.begin();
        let mut wanted = order.iter().copied();
        let mut path = Vec::new();
        loop {
            let waiting = self.waiting(&moment);
            let Some(first) = waiting.first() else {
                assert_eq!(wanted.next(), None, "a call that is not made");
                return (moment, path);
            };
            let id = wanted.next().unwrap_or(first.0);
            let call = waiting.iter().find(|(other, _)| *other == id);
            let call = call.unwrap_or_else(|| panic!("{id:?} is not made in this place"));
            let fault = fault.filter(|(target, _)| *target == id && moment.fault.is_none());
            let (next, step) = self.step(&moment, id, call.1, fault.map(|(_, fault)| fault));
            moment = next;
            path.push(step);
        }
    }
}

impl<Visit: FnMut(&Moment, &[Step]) -> bool> Search<'_, Visit> {
    fn go_on(&mut self, moment: &Moment) -> (u64, u64) {
        if self.experiment.merges
            && let Some(known) = self.known.get(moment)
        {
            return *known;
        }
        self.states += 1;
        self.is_over |= self.experiment.is_too_large(self.states);
        let waiting = self.experiment.waiting(moment);
        let mut count = (0, 0);
        if waiting.is_empty() {
            self.is_over |= !(self.visit)(moment, &self.path);
            count = if moment.fault.is_some() {
                (0, 1)
            } else {
                (1, 0)
            };
        }
        for (id, number) in waiting {
            let allowed = self.experiment.faults(moment, id, number);
            for fault in std::iter::once(None).chain(allowed.into_iter().map(Some)) {
                if self.is_over {
                    return count;
                }
                let (next, step) = self.experiment.step(moment, id, number, fault);
                self.path.push(step);
                let (without, with) = self.go_on(&next);
                self.path.pop();
                count = (count.0 + without, count.1 + with);
            }
        }
        if self.experiment.merges {
            self.known.insert(moment.clone(), count);
        }
        count
    }
}
