//! The orders of whole requests that may explain a run.

mod order;
mod part;

use std::{cell::RefCell, rc::Rc};

use serde_json::Value;

pub use self::part::{Part, Progress};
use self::{
    order::{place, with, with_pauses},
    part::{Pause, is_counting, is_lookup},
};
use crate::{
    check::{Check, End},
    memory::{NOTHING, Number},
    process::Answer,
    search::{Experiment, OneByOne, REPEATING},
    world::State,
};

/// The writes of the most counters by one request.
const MAX_COUNTERS: usize = 3;

/// The most calls of a request that is not one change, without the last.
const MAX_CALLS: usize = 8;

/// The pauses between the deletions of items that have expired, of which there are at most eight.
const DELETIONS: &[&[Pause]] = &[
    &[Pause::Deleted(1)],
    &[Pause::Deleted(2)],
    &[Pause::Deleted(3)],
    &[Pause::Deleted(4)],
    &[Pause::Deleted(5)],
    &[Pause::Deleted(6)],
    &[Pause::Deleted(7)],
];

/// Requests in their order, and the process whose request is made twice.
pub type Order = (Option<usize>, Vec<Part>);

/// The responses, by process, and the end of requests that were made one after another; nothing if one of them has no such part.
pub type Serial = Option<Rc<(Vec<(usize, Number)>, State)>>;

/// What is known of the requests of a run, on which the orders depend that may explain it.
#[derive(PartialEq, Eq, Hash)]
pub struct Known {
    /// Each process, whether it got a response, and whether nothing may have happened.
    requests: Vec<(usize, bool, bool)>,
    repeated: Option<usize>,
    ambiguous: Option<usize>,
}

impl Check<'_> {
    /// Returns true if the request of a process is not one change: the delivery of a mail, and a log-in that is refused since the address is
    /// not verified. That notes the right password, and then queues a mail.
    fn has_steps(&self, process: usize) -> bool {
        let operation = self.operations[process];
        let is_refused = self.has_setting("REQUIRE_VERIFIED_EMAIL", "true");
        operation.is_delivery() || is_refused && operation.name.starts_with("log_in")
    }

    /// Where other requests may come in between the calls of the request of a process, as documented: each list is one way.
    fn pauses(&self, process: usize) -> &'static [&'static [Pause]] {
        if self.operations[process].is_delivery() {
            &[
                &[Pause::Read],
                &[Pause::User],
                &[Pause::Sent],
                &[Pause::Read, Pause::Sent],
                &[Pause::User, Pause::Sent],
            ]
        } else if self.is_taken_back(process) {
            &[
                &[Pause::Counted],
                &[Pause::Done],
                &[Pause::TakenBack],
                &[Pause::Counted, Pause::Done],
                &[Pause::Counted, Pause::TakenBack],
            ]
        } else if self.operations[process].changes_address()
            && self.has_setting("CONFIRM_EMAIL_CHANGE", "true")
        {
            &[&[Pause::LookedUp]]
        } else if self.operations[process].is_expiry() {
            DELETIONS
        } else if self.operations[process].name == "jwks" {
            &[&[Pause::Read]]
        } else if self.limits_sources() {
            &[&[Pause::Counted]]
        } else {
            &[]
        }
    }

    /// Returns true if the request of a process counts for its source until it is known that it does not have to.
    pub fn is_taken_back(&self, process: usize) -> bool {
        self.operations[process].is_taken_back() && self.limits_sources()
    }

    fn limits_sources(&self) -> bool {
        self.has_setting("SOURCE_LIMITS", "on")
    }

    fn has_setting(&self, name: &str, value: &str) -> bool {
        let settings = self.world.scenario.settings;
        settings.contains(&(name, value))
    }

    /// Every order of the requests that may have happened. A repetition comes after what it repeats.
    pub fn orders(&self, end: &End) -> Rc<Vec<Vec<Part>>> {
        let is_faulty = end.fault.is_some();
        let answers = end.answers.iter();
        let known = Known {
            requests: answers
                .map(|(process, answer)| {
                    let may_be_undone = self.may_be_undone(*answer, is_faulty);
                    (*process, answer.is_some(), may_be_undone)
                })
                .collect(),
            repeated: end.repeated,
            ambiguous: end.ambiguous,
        };
        let mut orders = self.orders.borrow_mut();
        let all = orders.entry(known);
        all.or_insert_with_key(|known| Rc::new(self.orders_of(known)))
            .clone()
    }

    fn orders_of(&self, end: &Known) -> Vec<Vec<Part>> {
        let mut all: Vec<Vec<Part>> = vec![Vec::new()];
        for (process, is_answered, may_be_undone) in &end.requests {
            let mut parts = vec![Part::Whole(*process)];
            if !is_answered {
                parts.extend((1..=MAX_COUNTERS).map(|count| Part::Counted(*process, count)));
                if self.is_taken_back(*process) {
                    parts.push(Part::StaysCounted(*process));
                }
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
                if *may_be_undone {
                    longer.push(order.clone());
                }
            }
            all = longer;
        }
        let mut repeated = end.repeated;
        if let Some(process) = end.ambiguous {
            let is_before = |order: &Vec<Part>| place(order, REPEATING) < place(order, process);
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
            let first = repeated.and_then(|process| place(order, process));
            let second = place(order, REPEATING);
            first.is_none() || second.is_none() || first < second
        });
        for (process, ..) in &end.requests {
            let made_by = if *process == REPEATING {
                end.repeated.unwrap_or_default()
            } else {
                *process
            };
            let ways = self.pauses(made_by).iter();
            let begun: Vec<_> = ways
                .flat_map(|pauses| {
                    all.iter()
                        .flat_map(|order| with_pauses(order, *process, pauses))
                })
                .collect();
            all.extend(begun);
        }
        // The likeliest explanation first: all of them, once.
        all.sort_by_key(|order| {
            let is_twice =
                repeated.is_none() && order.iter().any(|part| part.process() == REPEATING);
            let parts = order.iter().filter(|part| !part.is_whole()).count();
            (is_twice, parts, std::cmp::Reverse(order.len()))
        });
        all
    }

    /// Returns true if the response allows that nothing happened: none, or a race that was lost, or too many of them. After a fault also 503,
    /// and an error of any kind if new keys collide.
    fn may_be_undone(&self, answer: Option<Number>, is_faulty: bool) -> bool {
        answer.is_none_or(|answer| {
            let answer = self.world.answers.value(answer);
            is_lost_race(&answer)
                || is_faulty && answer.status == 503
                || self.world.scenario.draws_alike && answer.status >= 500
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
        let draws_alike = self.world.draws_alike.replace(false);
        let experiment = Experiment {
            world: self.world,
            operations: self.operations,
            may_fail: &|_, _, _| false,
            merges: true,
        };
        let made_by = |process| {
            if process == REPEATING {
                // The request that is made twice.
                self.operations[repeated.unwrap()]
            } else {
                self.operations[process]
            }
        };
        let requests: Vec<_> = order
            .iter()
            .map(|part| (part.process(), made_by(part.process())))
            .collect();
        let stopped = RefCell::new(Vec::new());
        let made = experiment.one_after_another(
            &requests,
            |number, calls| order[number].next(calls),
            |number, path, next| {
                let progress = order[number].progress(self.world, path, next);
                if progress == Progress::Stopped || progress == Progress::Paused {
                    stopped.borrow_mut().push(number);
                }
                progress
            },
        );
        self.world.switch_off(off);
        self.world.draws_alike.set(draws_alike);
        let is_possible = order.iter().enumerate().all(|(number, part)| {
            let is_there = part.is_whole() || stopped.borrow().contains(&number);
            is_there && self.is_justified(order, number, &made)
        });
        let answers = order
            .iter()
            .filter(|part| !part.is_begun())
            .filter_map(|part| {
                let place = made.moment.places[part.process()]?;
                Some((part.process(), self.world.scripts.answer(place)))
            })
            .collect();
        let serial = is_possible.then(|| Rc::new((answers, made.moment.state)));
        self.known.borrow_mut().insert(id, serial.clone());
        serial
    }

    /// Returns true if what others did in a pause shows that it was one: they replaced the mail that is being delivered, or changed its
    /// user, or were rejected for a count that was taken back, or counted after it was, or deleted the count since it expired.
    fn is_justified(&self, order: &[Part], number: usize, made: &OneByOne) -> bool {
        let Part::Begun(process, pause) = order[number] else {
            return true;
        };
        let rest = order[number + 1..].iter();
        let others: Vec<_> = rest.take_while(|part| part.process() != process).collect();
        let path = &made.paths[process];
        let is_expiry = |part: &Part| {
            let operation = self.operations.get(part.process());
            operation.is_some_and(|operation| operation.is_expiry())
        };
        let operation = self.operations.get(process);
        let stays_counted = operation.is_some_and(|operation| !operation.is_taken_back());
        let count = path
            .iter()
            .position(|step| is_counting(&self.world.call(step.call)));
        let item = match pause {
            Pause::Read | Pause::Sent => Some(0),
            Pause::User => Some(1),
            Pause::LookedUp => path
                .iter()
                .position(|step| is_lookup(&self.world.call(step.call))),
            Pause::TakenBack => count,
            Pause::Counted if others.iter().any(|part| is_expiry(part)) => count,
            Pause::Counted if stays_counted => return false,
            Pause::Counted | Pause::Done => None,
            Pause::Deleted(_) => return true,
        };
        if let Some(item) = item {
            let read = self.world.call(path[item].call);
            let found = |place: usize| self.world.tables.found(&read, &made.states[place].tables);
            return found(number) != found(number + others.len());
        }
        others.iter().any(|part| {
            let place = made.moment.places[part.process()];
            let answer = place.map(|place| self.world.scripts.answer(place));
            answer.is_some_and(|answer| {
                answer != NOTHING && self.world.answers.value(answer).status == 429
            })
        })
    }
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
