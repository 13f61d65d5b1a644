//! Every order of every two requests of a scenario: the real handlers against the embedded DynamoDB, through a gate that holds each of their
//! calls until it is released. A search replays them through all orders of their calls, from the same state each time.
//!
//! A run that goes wrong is printed with a line that repeats it:
//! `LATCHKEY_REPLAY="locked: log_in_wrong log_in: A0 A1 B0 B1 A2 B2" cargo test -p local --test explorer replay -- --nocapture`
//!
//! By hand, those whose scenario and operations contain a text, with each fault at each call of their first order:
//! `LATCHKEY_EXPLORE="locked log_in" cargo test -p local --test explorer fault -- --ignored --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod check;
mod compare;
mod conditions;
mod database;
mod explore;
mod invariants;
mod operations;
mod operator;
mod prepare;
mod process;
mod proof;
mod run;
mod scenario;
mod search;
mod settings;
mod wire;
mod world;

use std::collections::BTreeSet;

use self::{
    compare::Comparison,
    explore::{Faults, Findings, Job, explore},
    operations::{Operation, operation},
    proof::Recipe,
    scenario::{SCENARIOS, Scenario},
    search::Experiment,
    world::World,
};

#[test]
fn every_order_of_two_requests_is_as_if_one_came_first() {
    check(&explore(|scenario| pairs(scenario, Faults::None)));
}

/// Those that are left out, since calls commute, lead to the same ends.
#[test]
fn orders_that_are_left_out_lead_to_the_same_ends() {
    for (scenario, one, other) in [
        ("links", "log_in", "update_password"),
        ("links", "complete", "complete_other"),
        ("locked", "log_in_wrong", "log_in"),
        ("names", "sign_up", "update_email"),
    ] {
        let world = world_of(scenario);
        let ends = |prunes| ends(&world, &[operation(one), operation(other)], prunes);
        let (pruned, all) = (ends(true), ends(false));
        assert!(pruned.1 < all.1, "no order was left out");
        assert!(pruned.0 == all.0, "{scenario} {one} {other}");
    }
}

/// Searches a run that goes wrong without it for each condition of a write, and prints a table of them.
#[test]
#[ignore = "takes an hour"]
fn prove_conditions() {
    let mut used = explore(|scenario| pairs(scenario, Faults::None)).used;
    for (condition, jobs) in explore(alone).used {
        used.entry(condition).or_default().extend(jobs);
    }
    println!("{}", proof::table(&proof::search(&used)));
}

/// Repeats a run that was printed.
#[test]
fn replay() {
    let Some(line) = settings::text("LATCHKEY_REPLAY") else {
        return;
    };
    let recipe = Recipe::parse(&line);
    let world = world_of(recipe.scenario);
    if let Some(violation) = recipe.repeat(&world) {
        panic!("{violation}");
    }
}

/// A Latchkey in the state of a scenario.
fn world_of(scenario: &str) -> World {
    let scenario = SCENARIOS
        .iter()
        .find(|known| known.name == scenario)
        .unwrap();
    World::new(scenario, &settings::environments(scenario.settings))
}

/// Every end of the runs of two requests, and the number of runs.
fn ends(
    world: &World,
    operations: &[&'static Operation],
    prunes: bool,
) -> (BTreeSet<String>, usize) {
    let comparison = Comparison::new(world, operations);
    let experiment = Experiment {
        world,
        operations,
        fault: None,
        prunes,
    };
    let mut ends = BTreeSet::new();
    let count = experiment.explore(|outcome| {
        let answers: Vec<_> = outcome
            .answers
            .iter()
            .map(|(_, answer)| comparison.answer(answer.as_ref().unwrap()))
            .collect();
        ends.insert(format!("{answers:?} {:?}", comparison.outcome(outcome)));
        true
    });
    (ends, count.orders)
}

/// Also reports a delivery that was killed or got no response and was then repeated, although it may send a mail twice.
#[test]
#[ignore = "takes minutes, and reports repeated deliveries, which are allowed"]
fn a_fault_of_one_call_breaks_nothing() {
    check(&explore(alone));
}

#[test]
#[ignore = "takes hours"]
fn a_fault_of_one_call_of_pairs_breaks_nothing() {
    check(&explore(|scenario| pairs(scenario, Faults::Each)));
}

fn check(findings: &Findings) {
    for violation in &findings.violations {
        println!("{violation}");
    }
    assert!(
        findings.violations.is_empty(),
        "{} violations",
        findings.violations.len()
    );
    assert!(findings.orders > 0, "nothing was explored");
}

fn operations(scenario: &Scenario) -> impl Iterator<Item = &'static Operation> {
    scenario.operations.iter().map(|name| operation(name))
}

/// Each operation by itself, with each fault at each of its calls.
fn alone(scenario: &'static Scenario) -> Vec<Job> {
    operations(scenario)
        .map(|operation| Job {
            operations: vec![operation],
            faults: Faults::Each,
        })
        .collect()
}

/// Each operation with each, and with itself.
fn pairs(scenario: &Scenario, faults: Faults) -> Vec<Job> {
    let all: Vec<_> = operations(scenario).collect();
    let mut jobs = Vec::new();
    for (place, one) in all.iter().enumerate() {
        for other in &all[place..] {
            // The stream delivers a mail once at a time.
            if one.name == other.name && one.is_delivery() {
                continue;
            }
            let operations = vec![*one, *other];
            jobs.push(Job { operations, faults });
        }
    }
    jobs
}
