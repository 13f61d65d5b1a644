//! The search through all orders: depth first, each run from the start, with sleep sets (Godefroid, "Partial-Order Methods for
//! the Verification of Concurrent Systems", 1996). Of the runs that differ only in the order of calls that commute, it
//! completes one.

use crate::{
    database::Items,
    operations::Operation,
    process::Answer,
    run::{CallId, Effect, Fault, Run, is_possible, letter},
    world::World,
};

/// The process that repeats the request of one that was killed.
pub const REPEATING: usize = 2;

/// Two requests, and what goes wrong.
#[derive(Clone, Copy)]
pub struct Experiment<'a> {
    pub world: &'a World,
    /// One request, or two.
    pub operations: &'a [&'static Operation],
    pub fault: Option<(CallId, Fault)>,
    /// False if no order is left out.
    pub prunes: bool,
}

/// The end of a run.
pub struct Outcome {
    /// The response of each process that made a request; `None` if it was killed.
    pub answers: Vec<(usize, Option<Answer>)>,
    pub state: Items,
    pub mails: Vec<(String, String)>,
    /// The calls in their order.
    pub trace: Vec<String>,
    /// The order in which the calls were released.
    pub order: Vec<CallId>,
    /// True if the fault happened.
    pub is_faulty: bool,
}

/// The runs of a search.
#[derive(Clone, Copy, Default)]
pub struct Count {
    /// Complete runs.
    pub orders: usize,
    /// Runs that were given up, since they would only repeat another one.
    pub abandoned: usize,
}

/// A state of the search: the calls to choose from, and those that need not be chosen.
struct Node {
    enabled: Vec<CallId>,
    sleeping: Vec<(CallId, Effect)>,
    explored: Vec<(CallId, Effect)>,
    chosen: CallId,
}

impl Node {
    /// The next call to choose.
    fn next(&self) -> Option<CallId> {
        let is_known = |id: &CallId| {
            let mut known = self.sleeping.iter().chain(&self.explored);
            known.any(|(other, _)| other == id)
        };
        self.enabled.iter().find(|id| !is_known(id)).copied()
    }
}

impl Experiment<'_> {
    /// Runs all orders, until `visit` returns false.
    pub fn explore(&self, mut visit: impl FnMut(&Outcome) -> bool) -> Count {
        let mut count = Count::default();
        let mut path: Vec<Node> = Vec::new();
        loop {
            match self.world.runtime.block_on(self.follow(&mut path)) {
                Some(outcome) => {
                    count.orders += 1;
                    if !visit(&outcome) {
                        return count;
                    }
                }
                None => count.abandoned += 1,
            }
            loop {
                let Some(node) = path.last_mut() else {
                    return count;
                };
                if let Some(next) = node.next() {
                    node.chosen = next;
                    break;
                }
                path.pop();
            }
        }
    }

    /// Runs the path, and on from its end by the first call each. Returns `None` if the run would repeat another one.
    async fn follow(&self, path: &mut Vec<Node>) -> Option<Outcome> {
        let mut run = self.begin();
        let mut order = Vec::new();
        let mut is_faulty = false;
        loop {
            run.settle().await;
            if run.held.is_empty() {
                return Some(self.end(run, order, is_faulty).await);
            }
            let depth = order.len();
            if depth == path.len() {
                let sleeping = path.last().map(|node| self.asleep_after(node));
                let mut node = Node {
                    enabled: run
                        .held
                        .iter()
                        .map(|held| (held.process, held.number))
                        .collect(),
                    sleeping: sleeping.unwrap_or_default(),
                    explored: Vec::new(),
                    chosen: (0, 0),
                };
                node.chosen = node.next()?;
                path.push(node);
            }
            let node = &mut path[depth];
            let fault = self.fault_of(&run, node.chosen);
            is_faulty |= fault.is_some();
            let effect = run.release(node.chosen, fault);
            // Chosen again in every run below it, with the same effect.
            if node.explored.last().map(|(id, _)| *id) != Some(node.chosen) {
                node.explored.push((node.chosen, effect));
            }
            order.push(node.chosen);
        }
    }

    /// The calls that need not be chosen after the one that `node` chose.
    fn asleep_after(&self, node: &Node) -> Vec<(CallId, Effect)> {
        let (chosen, earlier) = node.explored.split_last().unwrap();
        let known = node.sleeping.iter().chain(earlier);
        known
            .filter(|(_, effect)| self.prunes && effect.commutes_with(&chosen.1))
            .cloned()
            .collect()
    }

    /// Runs one order: the processes of `order`, each of which makes its next call, and then the first that can.
    pub fn replay(&self, order: &[CallId]) -> Outcome {
        self.world.runtime.block_on(async {
            let mut run = self.begin();
            let mut wanted = order.iter().copied();
            let (mut released, mut is_faulty) = (Vec::new(), false);
            loop {
                run.settle().await;
                let Some(first) = run.held.first() else {
                    assert_eq!(wanted.next(), None, "a call that is not made");
                    return self.end(run, released, is_faulty).await;
                };
                let first = (first.process, first.number);
                let id = wanted.next().unwrap_or(first);
                let is_held = |id| {
                    run.held
                        .iter()
                        .any(|held| (held.process, held.number) == id)
                };
                assert!(is_held(id), "{id:?} is not made in this place");
                let fault = self.fault_of(&run, id);
                is_faulty |= fault.is_some();
                run.release(id, fault);
                released.push(id);
            }
        })
    }

    fn begin(&self) -> Run<'_> {
        self.world.reset();
        let mut run = Run::new(self.world);
        for (process, operation) in self.operations.iter().enumerate() {
            let request = (operation.request)(&self.world.start);
            run.add(process, self.world.processes[process].begin(&request));
        }
        run
    }

    fn fault_of(&self, run: &Run, id: CallId) -> Option<Fault> {
        let (target, fault) = self.fault?;
        let held = run
            .held
            .iter()
            .find(|held| (held.process, held.number) == id);
        (target == id && is_possible(fault, &held?.call.operation)).then_some(fault)
    }

    /// Has the client of a killed process repeat its request, and returns the end of the run.
    async fn end(&self, mut run: Run<'_>, order: Vec<CallId>, is_faulty: bool) -> Outcome {
        let mut answers: Vec<_> = (0..self.operations.len())
            .map(|process| (process, run.answers[process].clone()))
            .collect();
        let killed = answers.iter().position(|(_, answer)| answer.is_none());
        if let Some(killed) = killed {
            let request = (self.operations[killed].request)(&self.world.start);
            run.add(REPEATING, self.world.processes[REPEATING].begin(&request));
            run.complete().await;
            answers.push((REPEATING, run.answers[REPEATING].clone()));
        }
        Outcome {
            answers,
            state: self.world.state(),
            mails: self.world.mails(),
            trace: run.trace,
            order,
            is_faulty,
        }
    }
}

/// An order as text, such as `A0 B0 A1`.
pub fn write_order(order: &[CallId]) -> String {
    let calls: Vec<_> = order
        .iter()
        .map(|(process, number)| format!("{}{number}", letter(*process)))
        .collect();
    calls.join(" ")
}
