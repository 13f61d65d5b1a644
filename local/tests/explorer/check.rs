//! What must hold after each run: the invariants of the tables, and that the responses and the state are those of some order
//! of whole requests.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use serde_json::Value;

use crate::{
    compare::{Comparable, Comparison, Strictness},
    faults::Fault,
    invariants,
    memory::{NOTHING, Number},
    operations::Operation,
    process::Answer,
    search::{CallId, Experiment, Moment, REPEATING},
    wire::Call,
    world::{State, World},
};

/// The writes of the most counters by one request.
const MAX_COUNTERS: usize = 3;

/// The calls of a delivery without the one that records it.
const MAX_CALLS: usize = 8;

/// A request in an order of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// The whole request of a process.
    Whole(usize),
    /// The request of a process that was killed, up to this many writes, all of them of counters in the table that strangers fill. A
    /// request may be counted and then not be carried out: limits err on the safe side.
    Counted(usize, usize),
    /// The delivery of a mail by a process that was killed, up to this many calls. It is no transaction, and is made again.
    Interrupted(usize, usize),
}

/// The responses, by process, and the end of requests that were made one after another; nothing if one of them has no such part.
type Serial = Option<Rc<(Vec<(usize, Number)>, State)>>;

/// The end of a run: the number of each response, if it tells what happened, the state, and the fault.
type End = (
    Vec<(usize, Option<Number>)>,
    State,
    Option<(CallId, Fault)>,
    Option<usize>,
);

/// Checks the runs of some requests.
pub struct Check<'a> {
    world: &'a World,
    operations: &'a [&'static Operation],
    comparison: &'a Comparison,
    /// What was found out so far, by the order of the requests.
    serial: RefCell<HashMap<(Option<usize>, Vec<Part>), Serial>>,
    /// What is wrong with each end.
    verdicts: RefCell<HashMap<End, Option<Rc<str>>>>,
}

impl<'a> Check<'a> {
    pub fn new(world: &'a World, operations: &'a [&'static Operation]) -> Self {
        let has_delivery = operations.iter().any(|operation| operation.is_delivery());
        Self {
            world,
            operations,
            comparison: world.comparison(has_delivery),
            serial: RefCell::default(),
            verdicts: RefCell::default(),
        }
    }

    /// Returns what is wrong with the end of a run.
    pub fn violation(&self, moment: &Moment) -> Option<Rc<str>> {
        let mut state = moment.state.clone();
        state.lost = None;
        let end = (self.answers(moment), state, moment.fault, moment.repeated);
        if let Some(known) = self.verdicts.borrow().get(&end) {
            return known.clone();
        }
        let violation = self.verdict(&end).map(Rc::from);
        self.verdicts.borrow_mut().insert(end, violation.clone());
        violation
    }

    /// The response of each process. One whose request is repeated gets none.
    pub fn answers(&self, moment: &Moment) -> Vec<(usize, Option<Number>)> {
        let mut answers = Vec::new();
        for (process, place) in moment.places.iter().enumerate() {
            if process < self.operations.len() || place.is_some() {
                let place = place.filter(|_| moment.repeated != Some(process));
                let answer = place.map(|place| self.world.scripts.answer(place));
                answers.push((process, answer));
            }
        }
        answers
    }

    fn verdict(&self, end: &End) -> Option<String> {
        let (answers, state, _, repeated) = end;
        let world = self.world;
        let broken = invariants::violations(
            &world.tables.items(&world.initial.tables),
            &world.tables.items(&state.tables),
            world.now(),
        );
        if !broken.is_empty() {
            return Some(broken.join("; "));
        }
        if answers.iter().any(|(_, answer)| *answer == Some(NOTHING)) {
            return Some("a request without a response".to_owned());
        }
        let mut near = Vec::new();
        for order in self.orders(end) {
            let Some(serial) = self.serial(repeated.or_else(|| self.ambiguous(end)), &order) else {
                continue;
            };
            match self.difference(end, &serial) {
                None => return None,
                Some(difference) => near.push(format!("not as {order:?}: {difference}")),
            }
        }
        let responses: Vec<_> = answers
            .iter()
            .map(|(process, answer)| {
                let answer = answer.map(|answer| self.comparison.answer(world, answer));
                format!("{process}: {answer:?}")
            })
            .collect();
        Some(format!(
            "no order of whole requests explains it\n{}\n{}",
            responses.join("\n"),
            near.join("\n")
        ))
    }

    /// The process of a write that was applied and whose response was lost, if another request may have written the same item since. Then
    /// nothing tells that it was applied, and its request goes on as if it had been sent twice.
    fn ambiguous(&self, (_, _, fault, repeated): &End) -> Option<usize> {
        let fault = fault.filter(|(_, fault)| *fault == Fault::LostResponse)?;
        let is_alone = self.operations.len() == 1;
        (!is_alone && repeated.is_none()).then_some(fault.0.0)
    }

    /// Every order of the requests that may have happened. A repetition comes after what it repeats.
    fn orders(&self, end: &End) -> Vec<Vec<Part>> {
        let (answers, _, fault, repeated) = end;
        let mut all: Vec<Vec<Part>> = vec![Vec::new()];
        for (process, answer) in answers {
            let mut parts = vec![Part::Whole(*process)];
            if answer.is_none() {
                parts.extend((1..=MAX_COUNTERS).map(|count| Part::Counted(*process, count)));
                // By itself it is explained by whole deliveries, and by the bound on a second one.
                if self.operations.len() > 1 && self.operations[*process].is_delivery() {
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
            let counted = (1..=MAX_COUNTERS).map(|count| Part::Counted(REPEATING, count));
            let parts: Vec<_> = [Part::Whole(REPEATING)].into_iter().chain(counted).collect();
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
            let is_twice = repeated.is_none() && order.contains(&Part::Whole(REPEATING));
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
    fn is_open(&self, answer: Option<Number>, is_faulty: bool) -> bool {
        answer.is_none() || is_faulty && self.may_be_undone(answer, is_faulty)
    }

    /// Makes requests one after another.
    fn serial(&self, repeated: Option<usize>, order: &[Part]) -> Serial {
        let id = (repeated, order.to_vec());
        if let Some(known) = self.serial.borrow().get(&id) {
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
            let is_over = match part {
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
            };
            is_over
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
        self.serial.borrow_mut().insert(id, serial.clone());
        serial
    }

    fn difference(&self, end: &End, serial: &(Vec<(usize, Number)>, State)) -> Option<String> {
        let (answers, state, fault, _) = end;
        let world = self.world;
        for (process, expected) in &serial.0 {
            // A request that went on as if it had been sent twice has one response.
            let Some((_, answer)) = answers.iter().find(|(other, _)| other == process) else {
                continue;
            };
            if self.is_open(*answer, fault.is_some()) {
                continue;
            }
            let expected = self.comparison.answer(world, *expected);
            if self.comparison.answer(world, (*answer)?) != expected {
                return Some(format!("the response of {process} would be {expected}"));
            }
        }
        let strictness = if self.may_be_sent_again(end) {
            Strictness::SentAgain
        } else {
            Strictness::Strict
        };
        let actual = self.comparison.end(world, state, strictness);
        let expected = self.comparison.end(world, &serial.1, strictness);
        if strictness == Strictness::SentAgain && Self::is_sent_again(end, &actual, &expected) {
            return self.difference_of_counts(state, &serial.1);
        }
        describe(&actual, &expected)
    }

    /// Returns true if the only difference is one more mail, or one more revert link. If no response was lost, the mail was not sent the
    /// first time, and must be there once.
    fn is_sent_again(end: &End, actual: &Comparable, expected: &Comparable) -> bool {
        let is_link = |line: &str| line.contains(" revert#");
        let (_, _, fault, _) = end;
        let may_be_sent = matches!(fault, Some((_, Fault::LostResponse | Fault::Killed)));
        let (Some(lines), Some(mails)) = (
            more(&actual.state, &expected.state),
            more(&actual.mails, &expected.mails),
        ) else {
            return false;
        };
        let is_copy = |line: &Rc<str>| is_link(line) && expected.state.contains(line);
        let has_one_link = lines.len() <= 1 && lines.iter().all(is_copy);
        let has_one_mail = mails.len() <= usize::from(may_be_sent)
            && mails.iter().all(|mail| expected.mails.contains(mail));
        has_one_link && has_one_mail
    }

    /// Returns true after a fault with which a mail may be sent twice: it was sent, and this was not recorded. Then its item is still
    /// queued, and it is delivered again. The copies have two links, both of which are valid.
    fn may_be_sent_again(&self, (_, _, fault, repeated): &End) -> bool {
        repeated.is_some_and(|process| {
            let is_of = |id: &CallId| id.0 == process || id.0 == REPEATING;
            self.operations[process].is_delivery() && fault.is_some_and(|(id, _)| is_of(&id))
        })
    }

    /// A mail that is sent again counts once more at most.
    fn difference_of_counts(&self, state: &State, serial: &State) -> Option<String> {
        let (actual, expected) = (
            Comparison::mail_counts(self.world, state),
            Comparison::mail_counts(self.world, serial),
        );
        let keys: BTreeSet<_> = actual.keys().chain(expected.keys()).collect();
        let count = |counts: &BTreeMap<String, u64>, key| counts.get(key).copied().unwrap_or(0);
        let total: u64 = keys
            .into_iter()
            .map(|key| count(&actual, key).abs_diff(count(&expected, key)))
            .sum();
        (total > 1).then(|| format!("mails are counted as {actual:?} in place of {expected:?}"))
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

impl Part {
    const fn process(self) -> usize {
        match self {
            Self::Whole(process) | Self::Counted(process, _) | Self::Interrupted(process, _) => {
                process
            }
        }
    }
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

/// The lines that `actual` has more than `expected`; nothing if it lacks one.
fn more(actual: &[Rc<str>], expected: &[Rc<str>]) -> Option<Vec<Rc<str>>> {
    let mut more = actual.to_vec();
    for line in expected {
        let place = more.iter().position(|other| other == line)?;
        more.remove(place);
    }
    Some(more)
}

fn describe(actual: &Comparable, expected: &Comparable) -> Option<String> {
    if actual == expected {
        return None;
    }
    let all = |end: &Comparable| [end.state.as_slice(), end.mails.as_slice()].concat();
    let (actual, expected) = (all(actual), all(expected));
    let extra: Vec<_> = actual.iter().filter(|line| !expected.contains(line)).collect();
    let missing: Vec<_> = expected.iter().filter(|line| !actual.contains(line)).collect();
    Some(format!(
        "there is {extra:#?} in place of {missing:#?}, and {} lines in place of {}",
        actual.len(),
        expected.len()
    ))
}
