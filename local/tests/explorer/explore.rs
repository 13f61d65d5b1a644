//! Runs many experiments on several threads, and describes what they find.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
    thread,
};

use crate::{
    check::Check,
    conditions::Condition,
    operations::Operation,
    process::Environments,
    proof::Recipe,
    run::{CallId, FAULTS, Fault},
    scenario::{SCENARIOS, Scenario},
    search::{Count, Experiment, Outcome},
    settings,
    world::World,
};

/// The number of explorers, each with tables of its own.
const EXPLORERS: usize = 2;

/// Requests to explore, with the faults that happen.
#[derive(Clone)]
pub struct Job {
    pub operations: Vec<&'static Operation>,
    pub faults: Faults,
}

/// The faults of a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// No fault.
    None,
    /// Each fault at each call, in turn.
    Each,
}

/// Scenario and operations of every job that made a write with a condition, by the condition.
pub type Used = BTreeMap<Condition, BTreeSet<(&'static str, Vec<&'static str>)>>;

/// The runs of all jobs, and what they found.
#[derive(Default)]
pub struct Findings {
    pub orders: usize,
    pub abandoned: usize,
    pub faults: usize,
    pub violations: Vec<String>,
    pub used: Used,
}

impl Findings {
    fn add(&mut self, count: Count) {
        self.orders += count.orders;
        self.abandoned += count.abandoned;
    }
}

/// Explores the jobs of each scenario. A run by hand may name the ones to explore.
pub fn explore(jobs: impl Fn(&'static Scenario) -> Vec<Job>) -> Findings {
    let only = settings::text("LATCHKEY_EXPLORE").unwrap_or_default();
    let findings = Mutex::new(Findings::default());
    for scenario in SCENARIOS {
        let mut jobs: VecDeque<_> = jobs(scenario).into();
        jobs.retain(|job| name(scenario, &job.operations).contains(&only));
        if jobs.is_empty() {
            continue;
        }
        let environments = settings::environments(scenario.settings);
        let jobs = Mutex::new(jobs);
        thread::scope(|scope| {
            for _ in 0..EXPLORERS {
                scope.spawn(|| work(scenario, &environments, &jobs, &findings));
            }
        });
    }
    let findings = findings.into_inner().unwrap();
    println!(
        "{} orders, {} given up, {} faults, {} violations",
        findings.orders,
        findings.abandoned,
        findings.faults,
        findings.violations.len()
    );
    findings
}

fn work(
    scenario: &'static Scenario,
    environments: &Environments,
    jobs: &Mutex<VecDeque<Job>>,
    findings: &Mutex<Findings>,
) {
    let world = World::new(scenario, environments);
    loop {
        let Some(job) = jobs.lock().unwrap().pop_front() else {
            return;
        };
        world.conditions.take();
        let found = run(&world, &job);
        let mut findings = findings.lock().unwrap();
        findings.orders += found.orders;
        findings.abandoned += found.abandoned;
        findings.faults += found.faults;
        findings.violations.extend(found.violations);
        let operations: Vec<_> = job.operations.iter().map(|one| one.name).collect();
        for condition in world.conditions.take() {
            let jobs = findings.used.entry(condition).or_default();
            jobs.insert((scenario.name, operations.clone()));
        }
    }
}

fn run(world: &World, job: &Job) -> Findings {
    let check = Check::new(world, &job.operations);
    let mut found = Findings::default();
    if job.faults == Faults::None {
        one(world, job, None, &check, &mut found);
        return found;
    }
    for fault in faults(world, job) {
        one(world, job, Some(fault), &check, &mut found);
    }
    found
}

/// Every fault of every call that the requests make when none fails.
fn faults(world: &World, job: &Job) -> Vec<(CallId, Fault)> {
    let experiment = Experiment {
        world,
        operations: &job.operations,
        fault: None,
        prunes: true,
    };
    let calls = experiment.replay(&[]).order;
    calls
        .into_iter()
        .flat_map(|call| FAULTS.map(|fault| (call, fault)))
        .collect()
}

fn one(
    world: &World,
    job: &Job,
    fault: Option<(CallId, Fault)>,
    check: &Check,
    found: &mut Findings,
) {
    let experiment = Experiment {
        world,
        operations: &job.operations,
        fault,
        prunes: true,
    };
    let mut is_faulty = false;
    let count = experiment.explore(|outcome| {
        is_faulty |= outcome.is_faulty;
        // Otherwise it is a run without a fault.
        if fault.is_some() && !outcome.is_faulty {
            return true;
        }
        let violation = check.violation(outcome);
        if let Some(violation) = &violation {
            found
                .violations
                .push(describe(&experiment, outcome, violation));
        }
        violation.is_none()
    });
    found.faults += usize::from(is_faulty);
    found.add(count);
}

/// The scenario and the operations.
pub fn name(scenario: &Scenario, operations: &[&Operation]) -> String {
    let names: Vec<_> = operations.iter().map(|operation| operation.name).collect();
    format!("{} {}", scenario.name, names.join(" "))
}

/// The line that repeats a run, and what is wrong with it.
fn describe(experiment: &Experiment, outcome: &Outcome, violation: &str) -> String {
    let line = Recipe::of(experiment, outcome).write();
    format!(
        "VIOLATION {line}\n{violation}\n{}\n",
        outcome.trace.join("\n")
    )
}
