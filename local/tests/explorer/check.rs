//! What must hold after each run: the invariants of the tables, and that the responses and the state are those of some order
//! of whole requests.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    compare::{Comparable, Comparison},
    invariants,
    operations::Operation,
    process::Answer,
    run::Run,
    search::{Outcome, REPEATING},
    world::World,
};

/// The responses, by process, and the end of requests that were made one after another.
type Serial = (Vec<(usize, String)>, Comparable);

/// Checks the runs of two requests.
pub struct Check<'a> {
    world: &'a World,
    operations: &'a [&'static Operation],
    comparison: Comparison,
    /// What was found out so far, by the order of the processes.
    serial: RefCell<BTreeMap<Vec<usize>, Serial>>,
}

impl<'a> Check<'a> {
    pub fn new(world: &'a World, operations: &'a [&'static Operation]) -> Self {
        Self {
            world,
            operations,
            comparison: Comparison::new(world, operations),
            serial: RefCell::default(),
        }
    }

    /// Returns what is wrong with a run.
    pub fn violation(&self, outcome: &Outcome) -> Option<String> {
        let broken = invariants::violations(
            &self.world.tables.initial(),
            &outcome.state,
            self.world.now(),
        );
        if !broken.is_empty() {
            return Some(broken.join("; "));
        }
        let end = self.comparison.outcome(outcome);
        let answers: Vec<_> = outcome
            .answers
            .iter()
            .map(|(process, answer)| (*process, answer.as_ref()))
            .collect();
        let mut near = Vec::new();
        for order in orders(&answers, outcome.is_faulty) {
            let serial = self.serial(&order);
            match difference(&self.comparison, &answers, outcome.is_faulty, &end, &serial) {
                None => return None,
                Some(difference) => near.push(format!("not as {order:?}: {difference}")),
            }
        }
        let responses: Vec<_> = answers
            .iter()
            .map(|(process, answer)| {
                format!(
                    "{process}: {:?}",
                    answer.map(|answer| self.comparison.answer(answer))
                )
            })
            .collect();
        Some(format!(
            "no order of whole requests explains it\n{}\n{}",
            responses.join("\n"),
            near.join("\n")
        ))
    }

    /// Makes requests one after another.
    fn serial(&self, order: &[usize]) -> Serial {
        if let Some(known) = self.serial.borrow().get(order) {
            return known.clone();
        }
        let off = self.world.switch_off(None);
        self.world.reset();
        let mut answers = Vec::new();
        for process in order {
            let repeated = || self.operations.len() - 1;
            let operation = self.operations.get(*process).copied();
            let operation = operation.unwrap_or_else(|| self.operations[repeated()]);
            let mut run = Run::new(self.world);
            let request = (operation.request)(&self.world.start);
            run.add(*process, self.world.processes[*process].begin(&request));
            self.world.runtime.block_on(run.complete());
            let answer = run.answers[*process].clone().unwrap();
            answers.push((*process, self.comparison.answer(&answer)));
        }
        let outcome = Outcome {
            answers: Vec::new(),
            state: self.world.state(),
            mails: self.world.mails(),
            trace: Vec::new(),
            order: Vec::new(),
            is_faulty: false,
        };
        self.world.switch_off(off);
        let serial = (answers, self.comparison.outcome(&outcome));
        self.serial
            .borrow_mut()
            .insert(order.to_vec(), serial.clone());
        serial
    }
}

/// Returns true if the response allows that nothing happened: none, a lost race, or too many of them; after a fault also 503.
fn may_be_undone(answer: Option<&Answer>, is_faulty: bool) -> bool {
    answer.is_none_or(|answer| {
        matches!(answer.status, 409 | 429) || (is_faulty && answer.status == 503)
    })
}

/// Returns true if the response does not say what happened. After a fault, 503 and those of a lost race do not, since an attempt
/// without a response may have been applied before it.
fn is_open(answer: Option<&Answer>, is_faulty: bool) -> bool {
    answer.is_none_or(|answer| is_faulty && matches!(answer.status, 409 | 429 | 503))
}

/// Every order of the requests that may have happened. A repetition comes after what it repeats.
fn orders(answers: &[(usize, Option<&Answer>)], is_faulty: bool) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for (process, answer) in answers {
        let mut longer = Vec::new();
        for order in &all {
            for place in 0..=order.len() {
                let mut order = order.clone();
                order.insert(place, *process);
                longer.push(order);
            }
            if may_be_undone(*answer, is_faulty) {
                longer.push(order.clone());
            }
        }
        all = longer;
    }
    let killed = answers
        .iter()
        .find(|(_, answer)| answer.is_none())
        .map(|(process, _)| *process);
    all.retain(|order| {
        let place = |process| order.iter().position(|other| *other == process);
        let (first, second) = (killed.and_then(place), place(REPEATING));
        first.is_none() || second.is_none() || first < second
    });
    // The likeliest explanation first: all of them.
    all.sort_by_key(|order| std::cmp::Reverse(order.len()));
    all
}

fn difference(
    comparison: &Comparison,
    answers: &[(usize, Option<&Answer>)],
    is_faulty: bool,
    end: &Comparable,
    serial: &Serial,
) -> Option<String> {
    for (process, expected) in &serial.0 {
        let (_, answer) = answers.iter().find(|(other, _)| other == process).unwrap();
        if is_open(*answer, is_faulty) {
            continue;
        }
        let answer = comparison.answer((*answer)?);
        if answer != *expected {
            return Some(format!("the response of {process} would be {expected}"));
        }
    }
    let (end, serial) = (
        end.state.iter().chain(&end.mails),
        serial.1.state.iter().chain(&serial.1.mails),
    );
    let (end, serial): (Vec<_>, Vec<_>) = (end.collect(), serial.collect());
    if end == serial {
        return None;
    }
    let extra: Vec<_> = end.iter().filter(|line| !serial.contains(line)).collect();
    let missing: Vec<_> = serial.iter().filter(|line| !end.contains(line)).collect();
    Some(format!(
        "there is {extra:#?} in place of {missing:#?}, and {} lines in place of {}",
        end.len(),
        serial.len()
    ))
}
