//! Runs many experiments on several threads, and describes what they find.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
    thread,
};

use crate::{
    check::Check,
    conditions::{Condition, Uses},
    faults::Fault,
    operations::Operation,
    proof::Recipe,
    scenario::{SCENARIOS, Scenario},
    search::{CallId, Count, Experiment, Moment, Step, trace},
    settings,
    table::{Proof, Row},
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

/// The faults that leave open whether a write was applied: the response to the first request is lost, or the second is killed. Each
/// operation is the first of some pairs and the second of others.
pub fn untold((process, _): CallId, call: &Call, fault: Fault) -> bool {
    let chosen = if process == 0 {
        Fault::LostResponse
    } else {
        Fault::Killed
    };
    call.operation != "GetItem" && fault == chosen
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
    pub used: Uses,
    /// The calls that change something without a condition.
    pub unconditional: BTreeSet<String>,
    /// The rows of the table of conditions whose run does not go wrong without the condition.
    pub unproved: Vec<String>,
    /// The number of rows whose run does.
    pub proved: usize,
    pub decisive: Jobs,
    /// The operations that had a response of success by themselves.
    pub successful: BTreeSet<&'static str>,
}

impl Findings {
    /// The numbers in a line.
    pub fn summary(&self) -> String {
        format!(
            "{} jobs, {} orders, {} orders with one of {} faults, {} states, {} violations",
            self.jobs,
            self.orders,
            self.faulty,
            self.faults,
            self.states,
            self.violations.len()
        )
    }

    pub fn count(&mut self, count: Count, faults: usize) {
        self.orders += count.orders;
        self.faulty += count.faulty;
        self.states += count.states;
        self.faults += faults;
    }

    pub fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.orders += other.orders;
        self.faulty += other.faulty;
        self.states += other.states;
        self.faults += other.faults;
        self.violations.extend(other.violations);
        for (condition, functions) in other.used {
            self.used.entry(condition).or_default().extend(functions);
        }
        self.unconditional.extend(other.unconditional);
        self.unproved.extend(other.unproved);
        self.proved += other.proved;
        self.successful.extend(other.successful);
        for (condition, jobs) in other.decisive {
            self.decisive.entry(condition).or_default().extend(jobs);
        }
    }
}

/// Explores the jobs of each scenario, and repeats the runs of these rows. A run by hand may name the jobs to explore.
pub fn explore(jobs: impl Fn(&'static Scenario) -> Vec<Job>, rows: &[Row]) -> Findings {
    explore_for(jobs, rows, false)
}

/// Explores the jobs of each scenario, and may search the conditions that make a difference.
pub fn explore_for(
    jobs: impl Fn(&'static Scenario) -> Vec<Job>,
    rows: &[Row],
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
        let rows = rows.iter().filter_map(|row| match &row.proof {
            Proof::Run(run) if run.scenario == scenario.name => Some((&row.condition, run)),
            _ => None,
        });
        let rows: Mutex<VecDeque<_>> = Mutex::new(rows.collect());
        thread::scope(|scope| {
            for _ in 0..EXPLORERS {
                scope.spawn(|| {
                    let world = World::new(scenario, &environments);
                    world.tables.searches.set(searches_decisive);
                    work(&world, &jobs, &findings);
                    prove(&world, &rows, &findings);
                });
            }
        });
    }
    let findings = findings.into_inner().unwrap();
    println!("{}", findings.summary());
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

/// Repeats the run of each row without its condition.
fn prove(world: &World, rows: &Mutex<VecDeque<(&Condition, &Recipe)>>, findings: &Mutex<Findings>) {
    loop {
        let Some((condition, run)) = rows.lock().unwrap().pop_front() else {
            return;
        };
        world.switch_off(Some(condition.clone()));
        let is_proved = run.repeat(world).is_some();
        world.switch_off(None);
        let mut findings = findings.lock().unwrap();
        if is_proved {
            findings.proved += 1;
        } else {
            let line = format!("| {condition} | {}", run.write());
            findings.unproved.push(line);
        }
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
    let mut successful = BTreeSet::new();
    let count = experiment.explore(|moment, path| {
        faults.extend(moment.fault);
        if let [operation] = job.operations[..]
            && check.is_success(moment)
        {
            successful.insert(operation.usual_name());
        }
        if found.violations.len() < MAX_VIOLATIONS
            && let Some(violation) = check.violation(moment)
        {
            let description = describe(&experiment, moment, path, &violation);
            println!("{description}");
            found.violations.push(description);
        }
        true
    });
    let operations: Vec<_> = job.operations.iter().map(|one| one.name).collect();
    let seen = world.seen.take();
    found.count(count, faults.len());
    Findings {
        jobs: 1,
        successful,
        used: seen
            .used
            .into_iter()
            .map(|(condition, functions)| ((*condition).clone(), functions))
            .collect(),
        unconditional: seen.unconditional,
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
pub fn describe(
    experiment: &Experiment,
    moment: &Moment,
    path: &[Step],
    violation: &str,
) -> String {
    let line = Recipe::of(experiment, moment, path).write();
    let trace = trace(experiment.world, path);
    format!("VIOLATION {line}\n{violation}\n{trace}\n")
}
