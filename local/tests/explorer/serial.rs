//! The orders of whole requests that may explain a run.

use std::{cell::RefCell, rc::Rc};

use serde_json::Value;

use crate::{
    check::{Check, End},
    faults::Fault,
    memory::Number,
    process::Answer,
    search::{Experiment, REPEATING},
    wire::Call,
    world::State,
};

/// The writes of the most counters by one request.
const MAX_COUNTERS: usize = 3;

/// The most calls of a request that is not one change, without the last.
const MAX_CALLS: usize = 8;

/// A request in an order of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole request of a process.
    Whole(usize),
    /// The request of a process that was killed, up to this many writes, all of them of counters in the table that strangers fill. A
    /// request may be counted and then not be carried out: limits err on the safe side.
    Counted(usize, usize),
    /// The request of a process that was killed, up to this many calls, if it is not one change.
    Interrupted(usize, usize),
}

/// Requests in their order, and the process whose request is made twice.
pub type Order = (Option<usize>, Vec<Part>);

/// The responses, by process, and the end of requests that were made one after another; nothing if one of them has no such part.
pub type Serial = Option<Rc<(Vec<(usize, Number)>, State)>>;

impl Check<'_> {
    /// The process of a write that was applied and whose response was lost, if another request may have written the same item since. Then
    /// nothing tells that it was applied, and its request goes on as if it had been sent twice.
    pub fn ambiguous(&self, (_, _, fault, repeated): &End) -> Option<usize> {
        let fault = fault.filter(|(_, fault)| *fault == Fault::LostResponse)?;
        let is_alone = self.operations.len() == 1;
        (!is_alone && repeated.is_none()).then_some(fault.0.0)
    }

    /// Returns true if the request of a process is not one change: the delivery of a mail, and a log-in that is refused since the address is
    /// not verified. That notes the right password, and then queues a mail.
    fn has_steps(&self, process: usize) -> bool {
        let operation = self.operations[process];
        let settings = self.world.scenario.settings;
        let is_refused = settings
            .iter()
            .any(|(name, _)| *name == "REQUIRE_VERIFIED_EMAIL");
        operation.is_delivery() || is_refused && operation.name.starts_with("log_in")
    }

    /// Every order of the requests that may have happened. A repetition comes after what it repeats.
    pub fn orders(&self, end: &End) -> Vec<Vec<Part>> {
        let (answers, _, fault, repeated) = end;
        let mut all: Vec<Vec<Part>> = vec![Vec::new()];
        for (process, answer) in answers {
            let mut parts = vec![Part::Whole(*process)];
            if answer.is_none() {
                parts.extend((1..=MAX_COUNTERS).map(|count| Part::Counted(*process, count)));
                // By itself it is explained by whole requests, and by the bound on a second delivery.
                if self.operations.len() > 1 && self.has_steps(*process) {
                    parts.extend((1..=MAX_CALLS).map(|count| Part::Interrupted(*process, count)));
                }
            }
            let mut longer = Vec::new();
            for order in &all {
                for part in &parts {
                    longer.extend(with(order, *part));
                }
                if self.may_be_undone(*answer, fault.is_some()) {
                    longer.push(order.clone());
                }
            }
            all = longer;
        }
        let mut repeated = *repeated;
        if let Some(process) = self.ambiguous(end) {
            let is_before = |order: &Vec<Part>| {
                let place = |process| order.iter().position(|part| part.process() == process);
                place(REPEATING) < place(process)
            };
            let mut parts = vec![Part::Whole(REPEATING)];
            parts.extend((1..=MAX_COUNTERS).map(|count| Part::Counted(REPEATING, count)));
            if self.has_steps(process) {
                parts.extend((1..=MAX_CALLS).map(|count| Part::Interrupted(REPEATING, count)));
            }
            let mut twice: Vec<_> = all
                .iter()
                .flat_map(|order| parts.iter().flat_map(|part| with(order, *part)))
                .collect();
            twice.retain(is_before);
            all.extend(twice);
            repeated = None;
        }
        all.retain(|order| {
            let place = |process| order.iter().position(|part| part.process() == process);
            let (first, second) = (repeated.and_then(place), place(REPEATING));
            first.is_none() || second.is_none() || first < second
        });
        let is_part = |part: &&Part| !matches!(part, Part::Whole(_));
        // The likeliest explanation first: all of them, once.
        all.sort_by_key(|order| {
            let is_twice =
                repeated.is_none() && order.iter().any(|part| part.process() == REPEATING);
            let parts = order.iter().filter(is_part).count();
            (is_twice, parts, std::cmp::Reverse(order.len()))
        });
        all
    }

    /// Returns true if the response allows that nothing happened: none, or a race that was lost, or too many of them. After a fault also 503.
    fn may_be_undone(&self, answer: Option<Number>, is_faulty: bool) -> bool {
        answer.is_none_or(|answer| {
            let answer = self.world.answers.value(answer);
            is_lost_race(&answer) || is_faulty && answer.status == 503
        })
    }

    /// Returns true if the response does not say what happened. After a fault, 503 and those of a lost race do not, since an attempt
    /// without a response may have been applied before it.
    pub fn is_open(&self, answer: Option<Number>, is_faulty: bool) -> bool {
        answer.is_none() || is_faulty && self.may_be_undone(answer, is_faulty)
    }

    /// Makes requests one after another.
    pub fn serial(&self, repeated: Option<usize>, order: &[Part]) -> Serial {
        let id = (repeated, order.to_vec());
        if let Some(known) = self.known.borrow().get(&id) {
            return known.clone();
        }
        let off = self.world.switch_off(None);
        let experiment = Experiment {
            world: self.world,
            operations: self.operations,
            may_fail: &|_, _, _| false,
            merges: true,
        };
        let requests: Vec<_> = order
            .iter()
            .map(|part| {
                let process = part.process();
                let made_by = if process == REPEATING {
                    // The request that is made twice.
                    repeated.unwrap()
                } else {
                    process
                };
                (process, self.operations[made_by])
            })
            .collect();
        let stopped = RefCell::new(Vec::new());
        let moment = experiment.one_after_another(&requests, |process, path, next| {
            let part = order.iter().find(|part| part.process() == process).unwrap();
            match part {
                Part::Whole(_) => false,
                Part::Counted(_, limit) => {
                    let calls = path.iter().map(|step| self.world.call(step.call));
                    let count = calls.filter(|call| is_counting(call)).count();
                    if count == *limit {
                        stopped.borrow_mut().push(process);
                    }
                    count == *limit || is_other_write(next)
                }
                Part::Interrupted(_, limit) => {
                    if path.len() == *limit {
                        stopped.borrow_mut().push(process);
                    }
                    path.len() == *limit
                }
            }
        });
        self.world.switch_off(off);
        let is_possible = order.iter().all(|part| {
            let is_whole = matches!(part, Part::Whole(_));
            is_whole || stopped.borrow().contains(&part.process())
        });
        let answers = requests
            .iter()
            .filter_map(|(process, _)| {
                let place = moment.places[*process]?;
                Some((*process, self.world.scripts.answer(place)))
            })
            .collect();
        let serial = is_possible.then(|| Rc::new((answers, moment.state)));
        self.known.borrow_mut().insert(id, serial.clone());
        serial
    }
}

impl Part {
    const fn process(self) -> usize {
        match self {
            Self::Whole(process) | Self::Counted(process, _) | Self::Interrupted(process, _) => {
                process
            }
        }
    }
}

/// The order with one part more, in every place.
fn with(order: &[Part], part: Part) -> Vec<Vec<Part>> {
    let places = 0..=order.len();
    places
        .map(|place| {
            let mut order = order.to_vec();
            order.insert(place, part);
            order
        })
        .collect()
}

/// Returns true for a write of a counter in the table that strangers fill.
fn is_counting(call: &Call) -> bool {
    call.operation != "GetItem" && is_of_counters(call)
}

fn is_other_write(call: &Call) -> bool {
    call.operation != "GetItem" && !is_of_counters(call)
}

fn is_of_counters(call: &Call) -> bool {
    !call.keys.is_empty() && call.keys.iter().all(|(_, key)| key.starts_with("limit#"))
}

/// Returns true if a response says that concurrent requests were first and that nothing was done: 409, unless it is about an outstanding
/// link, and 429 with the shortest time to wait, which no limit and no lock has.
fn is_lost_race(answer: &Answer) -> bool {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match answer.status {
        // The operator's command line has no body.
        409 => answer.body.is_empty() || answer.body.contains("at the same time"),
        429 => body["retry-after"] == "1",
        _ => false,
    }
}
