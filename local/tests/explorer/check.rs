//! What must hold after each run: the invariants of the tables, and that the responses and the state are those of some order
//! of whole requests.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use crate::{
    compare::{COUNTER, Comparable, Comparison, MAIL_COUNTER, Strictness},
    faults::Fault,
    invariants,
    memory::{NOTHING, Number},
    operations::Operation,
    search::{CallId, Moment, REPEATING, Unanswered},
    serial::{Known, Order, Part, Serial},
    world::{State, World},
};

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The number of the response of each process, if it tells what happened.
    pub answers: Vec<(usize, Option<Number>)>,
    pub state: State,
    /// The fault that happened.
    pub fault: Option<(CallId, Fault)>,
    /// The process whose request was repeated.
    pub repeated: Option<usize>,
    /// The process whose write got no response and was overwritten before its other attempt.
    pub ambiguous: Option<usize>,
}

/// Checks the runs of some requests.
pub struct Check<'a> {
    pub world: &'a World,
    pub operations: &'a [&'static Operation],
    comparison: &'a Comparison,
    /// What was found out so far, by the order of the requests.
    pub known: RefCell<HashMap<Order, Serial>>,
    /// The orders that may explain a run.
    pub orders: RefCell<HashMap<Known, Rc<Vec<Vec<Part>>>>>,
    /// What is wrong with each end.
    verdicts: RefCell<HashMap<End, Option<Rc<str>>>>,
}

impl<'a> Check<'a> {
    pub fn new(world: &'a World, operations: &'a [&'static Operation]) -> Self {
        Self {
            world,
            operations,
            comparison: world.comparison(),
            known: RefCell::default(),
            orders: RefCell::default(),
            verdicts: RefCell::default(),
        }
    }

    /// Returns what is wrong with the end of a run.
    pub fn violation(&self, moment: &Moment) -> Option<Rc<str>> {
        let mut state = moment.state.clone();
        state.lost = None;
        let is_ambiguous = moment.unanswered == Unanswered::Ambiguous;
        let end = End {
            answers: self.answers(moment),
            state,
            fault: moment.fault,
            repeated: moment.repeated,
            // If the request was repeated, it may have happened twice anyway.
            ambiguous: moment
                .fault
                .map(|((process, _), _)| process)
                .filter(|_| is_ambiguous && moment.repeated.is_none()),
        };
        if let Some(known) = self.verdicts.borrow().get(&end) {
            return known.clone();
        }
        let violation = self.verdict(&end).map(Rc::from);
        self.verdicts.borrow_mut().insert(end, violation.clone());
        violation
    }

    /// Returns true if the first request had a response of success.
    pub fn is_success(&self, moment: &Moment) -> bool {
        let (_, answer) = self.answers(moment)[0];
        answer.is_some_and(|answer| {
            answer != NOTHING && self.world.answers.value(answer).status < 300
        })
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
        let End {
            answers,
            state,
            repeated,
            ..
        } = end;
        let world = self.world;
        let ahead = self
            .operations
            .iter()
            .map(|operation| operation.ahead)
            .max();
        let broken = invariants::violations(
            &world.tables.items(&world.initial.tables),
            &world.tables.items(&state.tables),
            world.now() + ahead.unwrap_or_default(),
        );
        if !broken.is_empty() {
            return Some(broken.join("; "));
        }
        if answers.iter().any(|(_, answer)| *answer == Some(NOTHING)) {
            return Some("a request without a response".to_owned());
        }
        let mut near = Vec::new();
        for order in self.orders(end).iter() {
            let Some(serial) = self.serial(repeated.or(end.ambiguous), order) else {
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

    /// Returns true for a response which says that an address belongs to another account.
    fn is_taken(&self, answer: Number) -> bool {
        let answer = self.world.answers.value(answer);
        answer.status == 400 && answer.body.contains(r#""code":"taken""#)
    }

    fn difference(&self, end: &End, serial: &(Vec<(usize, Number)>, State)) -> Option<String> {
        let End {
            answers,
            state,
            fault,
            ..
        } = end;
        let world = self.world;
        let is_taken_back_again = end
            .ambiguous
            .is_some_and(|process| self.is_taken_back(process));
        let mut is_one_more_admitted = false;
        for (process, expected) in &serial.0 {
            // A request that went on as if it had been sent twice has one response.
            let Some((_, answer)) = answers.iter().find(|(other, _)| other == process) else {
                continue;
            };
            if self.is_open(*answer, fault.is_some()) {
                continue;
            }
            if self.counts_as_ended(end, *process, *expected)
                || self.counts_as_cleared(end, *process, *expected)
            {
                continue;
            }
            // A count that is taken back twice admits one request more, which changes nothing.
            let was_limited = world.answers.value(*expected).status == 429;
            let is_more = was_limited && answer.is_some_and(|answer| self.is_taken(answer));
            if is_more && is_taken_back_again && !is_one_more_admitted {
                is_one_more_admitted = true;
                continue;
            }
            let expected = self.comparison.answer(world, *expected);
            if self.comparison.answer(world, (*answer)?) != expected {
                return Some(format!("the response of {process} would be {expected}"));
            }
        }
        let strictness = if self.may_be_sent_again(end) {
            Strictness::SentAgain
        } else if is_taken_back_again {
            Strictness::TakenBackAgain
        } else {
            Strictness::Strict
        };
        let actual = self.comparison.end(world, state, strictness);
        let expected = self.comparison.end(world, &serial.1, strictness);
        if strictness == Strictness::SentAgain && Self::is_sent_again(end, &actual, &expected) {
            return self.difference_of_counts(state, &serial.1);
        }
        let difference = describe(&actual, &expected);
        if strictness == Strictness::TakenBackAgain {
            return difference.or_else(|| self.difference_of_limits(state, &serial.1));
        }
        difference
    }

    /// Returns true if the only difference is one more mail, or one more revert link. If no response was lost, the mail was not sent the
    /// first time, and must be there once.
    fn is_sent_again(end: &End, actual: &Comparable, expected: &Comparable) -> bool {
        let is_link = |line: &str| line.contains(" revert#");
        let may_be_sent = matches!(end.fault, Some((_, Fault::LostResponse | Fault::Killed)));
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
    fn may_be_sent_again(&self, end: &End) -> bool {
        end.repeated.is_some_and(|process| {
            let is_of = |id: &CallId| id.0 == process || id.0 == REPEATING;
            self.operations[process].is_delivery() && end.fault.is_some_and(|(id, _)| is_of(&id))
        })
    }

    /// A mail that is sent again counts once more at most.
    fn difference_of_counts(&self, state: &State, serial: &State) -> Option<String> {
        let (actual, expected) = (
            Comparison::counts(self.world, state, MAIL_COUNTER),
            Comparison::counts(self.world, serial, MAIL_COUNTER),
        );
        (total_difference(&actual, &expected) > 1)
            .then(|| format!("mails are counted as {actual:?} in place of {expected:?}"))
    }

    /// A count that is taken back, whose response is lost, may be taken back once more if another request counts in between.
    fn difference_of_limits(&self, state: &State, serial: &State) -> Option<String> {
        let (actual, expected) = (
            Comparison::counts(self.world, state, COUNTER),
            Comparison::counts(self.world, serial, COUNTER),
        );
        let has_more = actual
            .iter()
            .any(|(key, count)| Some(count) > expected.get(key));
        (has_more || total_difference(&actual, &expected) > 1)
            .then(|| format!("requests are counted as {actual:?} in place of {expected:?}"))
    }
}

fn total_difference(actual: &BTreeMap<String, u64>, expected: &BTreeMap<String, u64>) -> u64 {
    let keys: BTreeSet<_> = actual.keys().chain(expected.keys()).collect();
    let count = |counts: &BTreeMap<String, u64>, key| counts.get(key).copied().unwrap_or(0);
    keys.into_iter()
        .map(|key| count(actual, key).abs_diff(count(expected, key)))
        .sum()
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
    let extra: Vec<_> = actual
        .iter()
        .filter(|line| !expected.contains(line))
        .collect();
    let missing: Vec<_> = expected
        .iter()
        .filter(|line| !actual.contains(line))
        .collect();
    Some(format!(
        "there is {extra:#?} in place of {missing:#?}, and {} lines in place of {}",
        actual.len(),
        expected.len()
    ))
}
