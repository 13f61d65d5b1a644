//! The proof that each condition is needed: for each one a run that goes wrong without it.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    sync::Mutex,
    thread,
};

use crate::{
    check::Check,
    conditions::Condition,
    explore::{self, Jobs},
    faults::{FAULTS, Fault},
    operations::{Operation, operation},
    scenario::{SCENARIOS, Scenario},
    search::{CallId, Experiment, Moment, REPEATING, Step, letter, trace, write_order},
    settings,
    world::World,
};

/// A run that can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    pub scenario: &'static str,
    pub operations: Vec<&'static str>,
    pub order: Vec<CallId>,
    pub fault: Option<(CallId, Fault)>,
}

impl Recipe {
    pub fn of(experiment: &Experiment, moment: &Moment, path: &[Step]) -> Self {
        Self {
            scenario: experiment.world.scenario.name,
            operations: experiment.operations.iter().map(|one| one.name).collect(),
            order: path.iter().map(|step| step.id).collect(),
            fault: moment.fault,
        }
    }

    /// The line that repeats the run.
    pub fn write(&self) -> String {
        let mut line = format!(
            "{}: {}: {}",
            self.scenario,
            self.operations.join(" "),
            write_order(&self.order)
        );
        if let Some((call, fault)) = self.fault {
            let _ = write!(line, ": {fault:?} {}", write_order(&[call]));
        }
        line
    }

    pub fn parse(line: &str) -> Self {
        let mut parts = line.split(": ");
        let mut next = || parts.next().unwrap_or_default();
        let scenario = next();
        let scenario = SCENARIOS.iter().find(|known| known.name == scenario);
        let operations = next().split(' ').map(|name| operation(name).name).collect();
        let order = read_order(next());
        let fault = next().split_once(' ').map(|(fault, call)| {
            let found = FAULTS
                .into_iter()
                .find(|known| format!("{known:?}") == fault);
            (read_order(call)[0], found.unwrap())
        });
        Self {
            scenario: scenario
                .unwrap_or_else(|| panic!("no such scenario: {line}"))
                .name,
            operations,
            order,
            fault,
        }
    }

    /// Repeats the run and returns what is wrong with it.
    pub fn repeat(&self, world: &World) -> Option<String> {
        let operations: Vec<_> = self.operations.iter().map(|name| operation(name)).collect();
        let experiment = Experiment {
            world,
            operations: &operations,
            may_fail: &explore::none,
            merges: true,
        };
        let (moment, path) = experiment.replay(&self.order, self.fault);
        let violation = Check::new(world, &operations).violation(&moment)?;
        Some(format!("{violation}\n{}", trace(world, &path)))
    }
}

fn read_order(text: &str) -> Vec<CallId> {
    let call = |word: &str| {
        let process = (0..=REPEATING)
            .find(|process| word.starts_with(letter(*process)))
            .unwrap();
        (process, word[1..].parse().unwrap())
    };
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(call)
        .collect()
}

/// The number of threads.
const THREADS: usize = 2;

/// The shortest run of each condition that goes wrong without it, among one of each job in which it makes a difference.
pub fn search(decisive: &Jobs) -> BTreeMap<Condition, Recipe> {
    let scenarios: Mutex<VecDeque<_>> = Mutex::new(SCENARIOS.iter().collect());
    let found: Mutex<BTreeMap<Condition, Recipe>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = scenarios.lock().unwrap().pop_front() else {
                        return;
                    };
                    search_in(scenario, decisive, &found);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

fn search_in(
    scenario: &'static Scenario,
    decisive: &Jobs,
    found: &Mutex<BTreeMap<Condition, Recipe>>,
) {
    let world = World::new(scenario, &settings::environments(scenario.settings));
    let mut lengths: BTreeMap<&Vec<&'static str>, usize> = BTreeMap::new();
    for (condition, jobs) in decisive {
        let jobs = jobs.iter().filter(|(name, _)| *name == scenario.name);
        let mut jobs: Vec<_> = jobs
            .map(|(_, names)| {
                let length = lengths.entry(names);
                (*length.or_insert_with(|| length_of(&world, names)), names)
            })
            .collect();
        // All orders of a job are about as long, so that the first one that goes wrong is about the shortest.
        jobs.sort();
        for (length, names) in jobs {
            let known = found.lock().unwrap().get(condition).map(size);
            if known.is_some_and(|(known, _, _)| known <= length) {
                break;
            }
            let Some(recipe) = failing(&world, names, condition) else {
                continue;
            };
            let mut found = found.lock().unwrap();
            let best = found.get(condition).map(size);
            if best.is_none_or(|best| size(&recipe) < best) {
                found.insert(condition.clone(), recipe);
            }
            break;
        }
    }
}

/// The number of calls of some requests, in one of their orders.
fn length_of(world: &World, names: &[&'static str]) -> usize {
    let operations: Vec<&'static Operation> = names.iter().map(|name| operation(name)).collect();
    let experiment = Experiment {
        world,
        operations: &operations,
        may_fail: &explore::none,
        merges: true,
    };
    let mut length = 0;
    experiment.explore(|_, path| {
        length = path.len();
        false
    });
    length
}

/// How hard it is to follow a run.
fn size(recipe: &Recipe) -> (usize, usize, bool) {
    (
        recipe.order.len(),
        recipe.operations.len(),
        recipe.fault.is_some(),
    )
}

/// The shortest run of some requests that goes wrong without a condition.
fn failing(world: &World, names: &[&'static str], condition: &Condition) -> Option<Recipe> {
    let operations: Vec<&'static Operation> = names.iter().map(|name| operation(name)).collect();
    let check = Check::new(world, &operations);
    world.switch_off(Some(condition.clone()));
    let mut found: Option<Recipe> = None;
    let all: &[explore::Faults] = match operations.len() {
        1 => &[explore::none, explore::each],
        _ => &[explore::none],
    };
    for faults in all {
        let experiment = Experiment {
            world,
            operations: &operations,
            may_fail: faults,
            merges: true,
        };
        experiment.explore(|moment, path| {
            let is_shorter = |known: &Recipe| path.len() < known.order.len();
            if found.as_ref().is_none_or(is_shorter) && check.violation(moment).is_some() {
                found = Some(Recipe::of(&experiment, moment, path));
            }
            true
        });
        if found.is_some() {
            break;
        }
    }
    world.switch_off(None);
    found
}
