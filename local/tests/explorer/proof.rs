//! The proof that each condition is needed: for each one a run that goes wrong without it.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    check::Check,
    conditions::Condition,
    explore::Used,
    operations::{Operation, operation},
    run::{CallId, FAULTS, Fault, letter},
    scenario::SCENARIOS,
    search::{Experiment, Outcome, write_order},
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
    pub fn of(experiment: &Experiment, outcome: &Outcome) -> Self {
        Self {
            scenario: experiment.world.scenario.name,
            operations: experiment.operations.iter().map(|one| one.name).collect(),
            order: outcome.order.clone(),
            fault: experiment.fault,
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
            fault: self.fault,
            prunes: true,
        };
        let outcome = experiment.replay(&self.order);
        let violation = Check::new(world, &operations).violation(&outcome)?;
        Some(format!("{violation}\n{}", outcome.trace.join("\n")))
    }
}

fn read_order(text: &str) -> Vec<CallId> {
    let call = |word: &str| {
        let process = (0..3)
            .find(|process| word.starts_with(letter(*process)))
            .unwrap();
        (process, word[1..].parse().unwrap())
    };
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(call)
        .collect()
}

/// Searches a run for each condition that goes wrong without it, the shortest of those found first in each scenario.
pub fn search(used: &Used) -> BTreeMap<Condition, Option<Recipe>> {
    let mut proofs: BTreeMap<Condition, Option<Recipe>> =
        used.keys().map(|one| (one.clone(), None)).collect();
    for scenario in SCENARIOS {
        let world = World::new(scenario, &settings::environments(scenario.settings));
        for (condition, jobs) in used {
            if proofs[condition].is_some() {
                continue;
            }
            let jobs = jobs.iter().filter(|(name, _)| *name == scenario.name);
            let proof = jobs
                .filter_map(|(_, operations)| failing(&world, operations, condition))
                .min_by_key(|recipe| recipe.order.len());
            println!("{condition}: {:?}", proof.as_ref().map(Recipe::write));
            proofs.insert(condition.clone(), proof);
        }
    }
    proofs
}

fn failing(world: &World, names: &[&'static str], condition: &Condition) -> Option<Recipe> {
    let operations: Vec<&'static Operation> = names.iter().map(|name| operation(name)).collect();
    let check = Check::new(world, &operations);
    world.switch_off(Some(condition.clone()));
    let mut faults = vec![None];
    if operations.len() == 1 {
        let calls = Experiment {
            world,
            operations: &operations,
            fault: None,
            prunes: true,
        }
        .replay(&[])
        .order;
        faults.extend(
            calls
                .into_iter()
                .flat_map(|call| FAULTS.map(|fault| Some((call, fault)))),
        );
    }
    let mut found: Option<Recipe> = None;
    for fault in faults {
        let experiment = Experiment {
            world,
            operations: &operations,
            fault,
            prunes: true,
        };
        experiment.explore(|outcome| {
            if check.violation(outcome).is_some() {
                found = Some(Recipe::of(&experiment, outcome));
            }
            found.is_none()
        });
        if found.is_some() {
            break;
        }
    }
    world.switch_off(None);
    found
}

/// A row for each condition: function, item, condition, and the line that repeats the run.
pub fn table(proofs: &BTreeMap<Condition, Option<Recipe>>) -> String {
    let rows = proofs.iter().map(|(condition, proof)| {
        let run = proof.as_ref().map_or("none".to_owned(), Recipe::write);
        format!("| {condition} | `{run}` |")
    });
    rows.collect::<Vec<_>>().join("\n")
}
