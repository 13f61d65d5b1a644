//! Every order of every two requests: the real handlers against the embedded DynamoDB, through a gate that holds each of their
//! calls until it is released.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod check;
mod compare;
mod database;
mod invariants;
mod operations;
mod operator;
mod process;
mod run;
mod scenario;
mod search;
mod settings;
mod wire;
mod world;

use std::{collections::VecDeque, sync::Mutex, thread};

use self::{
    check::Check,
    operations::{Operation, operation},
    process::Environments,
    scenario::{SCENARIOS, Scenario},
    search::{Experiment, write_order},
    world::World,
};

/// The number of explorers, each with tables of its own.
const EXPLORERS: usize = 2;

#[test]
fn every_order_of_two_requests_is_as_if_one_came_first() {
    let only = settings::text("LATCHKEY_EXPLORE");
    for scenario in SCENARIOS {
        let environments = settings::environments(scenario.settings);
        let pairs: VecDeque<_> = pairs(scenario)
            .filter(|pair| {
                only.as_ref()
                    .is_none_or(|only| name(scenario, pair).contains(only))
            })
            .collect();
        let pairs = Mutex::new(pairs);
        let found = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..EXPLORERS {
                scope.spawn(|| explore(scenario, &environments, &pairs, &found));
            }
        });
        let found = found.into_inner().unwrap();
        for violation in &found {
            println!("{violation}");
        }
        assert!(found.is_empty(), "{} violations", found.len());
    }
}

fn pairs(scenario: &Scenario) -> impl Iterator<Item = [&'static Operation; 2]> {
    let operations: Vec<_> = scenario
        .operations
        .iter()
        .map(|name| operation(name))
        .collect();
    let all = operations.clone().into_iter().enumerate();
    all.flat_map(move |(place, one)| {
        let others: Vec<_> = operations[place..]
            .iter()
            .map(|other| [one, *other])
            .collect();
        others
    })
}

fn name(scenario: &Scenario, pair: &[&Operation]) -> String {
    let names: Vec<_> = pair.iter().map(|operation| operation.name).collect();
    format!("{} {}", scenario.name, names.join(" "))
}

fn explore(
    scenario: &'static Scenario,
    environments: &Environments,
    pairs: &Mutex<VecDeque<[&'static Operation; 2]>>,
    found: &Mutex<Vec<String>>,
) {
    let world = World::new(scenario, environments);
    loop {
        let Some(pair) = pairs.lock().unwrap().pop_front() else {
            return;
        };
        let began = std::time::Instant::now();
        let check = Check::new(&world, &pair);
        let experiment = Experiment {
            world: &world,
            operations: &pair,
            fault: None,
            prunes: true,
        };
        let count = experiment.explore(|outcome| {
            let Some(violation) = check.violation(outcome) else {
                return true;
            };
            let text = format!(
                "{} {}\n{violation}\n{}\n",
                name(scenario, &pair),
                write_order(&outcome.order),
                outcome.trace.join("\n")
            );
            found.lock().unwrap().push(text);
            false
        });
        println!(
            "{}: {} orders, {} abandoned, {:?}",
            name(scenario, &pair),
            count.orders,
            count.abandoned,
            began.elapsed()
        );
    }
}
