//! Runs many experiments on several threads, and describes what they find.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
    thread,
};

use crate::{
    check::Check,
    conditions::Condition,
    faults::Fault,
    operations::Operation,
    proof::Recipe,
    scenario::{SCENARIOS, Scenario},
    search::{CallId, Experiment, Moment, Step, trace},
    settings,
    wire::Call,
    world::World,
};

/// The number of explorers, each with tables of its own.
const EXPLORERS: usize = 2;

/// The violations of one job that are described. One mistake shows in many orders.
const MAX_VIOLATIONS: usize = 3;

/// Requests to explore, with the faults that happen.
#[derive(Clone)]
pub struct Job {
    pub operations: Vec<&'static Operation>,
    pub faults: Faults,
}

/// Returns true for a fault that may happen to a call.
pub type Faults = fn(CallId, &Call, Fault) -> bool;

/// No fault.
pub fn none(_: CallId, _: &Call, _: Fault) -> bool {
    false
}

/// The faults that leave open whether a write was applied.
pub fn untold(_: CallId, call: &Call, fault: Fault) -> bool {
    call.operation != "GetItem" && matches!(fault, Fault::LostResponse | Fault::Killed)
}

/// Each fault at each call.
pub fn each(_: CallId, _: &Call, _: Fault) -> bool {
    true
}

/// Scenario and operations of every job, by a condition that made a difference in it.
pub type Jobs = BTreeMap<Condition, BTreeSet<(&'static str, Vec<&'static str>)>>;

/// The runs of all jobs, and what they found.
#[derive(Default)]
pub struct Findings {
    pub jobs: usize,
    pub orders: u64,
    pub faulty: u64,
    pub states: usize,
    pub faults: usize,
    pub violations: Vec<String>,
    /// Every condition of a write.
    pub used: BTreeSet<Condition>,
    pub decisive: Jobs,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.orders += other.orders;
        self.faulty += other.faulty;
        self.states += other.states;
        self.faults += other.faults;
        self.violations.extend(other.violations);
        self.used.extend(other.used);
        for (condition, jobs) in other.decisive {
            self.decisive.entry(condition).or_default().extend(jobs);
        }
    }
}

/// Explores the jobs of each scenario. A run by hand may name the ones to explore.
pub fn explore(jobs: impl Fn(&'static Scenario) -> Vec<Job>) -> Findings {
    explore_for(jobs, false)
}

/// Explores the jobs of each scenario, and may search the conditions that make a difference.
pub fn explore_for(
    jobs: impl Fn(&'static Scenario) -> Vec<Job>,
    searches_decisive: bool,
) -> Findings {
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
                scope.spawn(|| {
                    let world = World::new(scenario, &environments);
                    world.tables.searches.set(searches_decisive);
                    work(&world, &jobs, &findings);
                });
            }
        });
    }
    let findings = findings.into_inner().unwrap();
    println!(
        "{} jobs, {} orders, {} orders with one of {} faults, {} states, {} violations",
        findings.jobs,
        findings.orders,
        findings.faulty,
        findings.faults,
        findings.states,
        findings.violations.len()
    );
    findings
}

fn work(world: &World, jobs: &Mutex<VecDeque<Job>>, findings: &Mutex<Findings>) {
    loop {
        let Some(job) = jobs.lock().unwrap().pop_front() else {
            return;
        };
        let found = run(world, &job);
        findings.lock().unwrap().add(found);
    }
}

/// Explores one job.
pub fn run(world: &World, job: &Job) -> Findings {
    world.seen.take();
    let check = Check::new(world, &job.operations);
    let experiment = Experiment {
        world,
        operations: &job.operations,
        may_fail: &job.faults,
        merges: true,
    };
    let mut found = Findings::default();
    let mut faults = BTreeSet::new();
    let count = experiment.explore(|moment, path| {
        faults.extend(moment.fault);
        if found.violations.len() < MAX_VIOLATIONS
            && let Some(violation) = check.violation(moment)
        {
            let description = describe(&experiment, moment, path, &violation);
            found.violations.push(description);
        }
        true
    });
    let operations: Vec<_> = job.operations.iter().map(|one| one.name).collect();
    let seen = world.seen.take();
    Findings {
        jobs: 1,
        orders: count.orders,
        faulty: count.faulty,
        states: count.states,
        faults: faults.len(),
        used: seen.used.iter().map(|one| (**one).clone()).collect(),
        decisive: seen
            .decisive
            .iter()
            .map(|one| {
                let job = (world.scenario.name, operations.clone());
                ((**one).clone(), BTreeSet::from([job]))
            })
            .collect(),
        ..found
    }
}

/// The scenario and the operations.
pub fn name(scenario: &Scenario, operations: &[&Operation]) -> String {
    let names: Vec<_> = operations.iter().map(|operation| operation.name).collect();
    format!("{} {}", scenario.name, names.join(" "))
}

/// The line that repeats a run, and what is wrong with it.
fn describe(experiment: &Experiment, moment: &Moment, path: &[Step], violation: &str) -> String {
    let line = Recipe::of(experiment, moment, path).write();
    let trace = trace(experiment.world, path);
    format!("VIOLATION {line}\n{violation}\n{trace}\n")
}
