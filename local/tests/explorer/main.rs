//! Every order of every two requests of a scenario: the real handlers against the embedded DynamoDB, through a gate that holds each of their
//! calls until it is released. A search takes them through all orders of their calls, from the same state each time. What a handler does after
//! the same replies, and what a call does to the same items, is remembered, so that each is run once.
//!
//! A run that goes wrong is printed with a line that repeats it:
//! `LATCHKEY_REPLAY="locked: log_in_wrong log_in: A0 A1 B0 B1 A2 B2" cargo test -p local --test explorer replay -- --nocapture`
//!
//! More by hand: see CONTRIBUTING.md.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod check;
mod cleared_counts;
mod compare;
mod conditions;
mod database;
mod ended_sessions;
mod explore;
mod faults;
mod finds;
mod invariants;
mod jobs;
mod memory;
mod operations;
mod operator;
mod prepare;
mod prepare_damaged;
mod process;
mod proof;
mod scenario;
mod script;
mod search;
mod serial;
mod settings;
mod table;
mod triples;
mod wire;
mod world;

use std::{collections::BTreeSet, sync::LazyLock};

use self::{
    compare::Strictness,
    conditions::Condition,
    explore::{Findings, explore, explore_for},
    jobs::{alone, pairs, usual_pairs},
    operations::{OPERATIONS, Operation, operation},
    proof::Recipe,
    scenario::SCENARIOS,
    search::{Experiment, Unanswered},
    world::World,
};

/// What every test of this file looks at.
static FINDINGS: LazyLock<Findings> = LazyLock::new(|| {
    let jobs = |scenario| [alone(scenario), usual_pairs(scenario, explore::untold)].concat();
    explore(jobs, &table::rows())
});

/// Each operation by itself has each fault at each of its calls, in turn. Each two have no fault, or one that leaves open what happened.
#[test]
fn every_order_of_two_requests_is_as_if_one_came_first() {
    check(&FINDINGS);
}

/// The operations are what they are called: each one succeeds in some scenario, but for those that are meant to fail.
#[test]
fn every_operation_succeeds_in_a_scenario() {
    if settings::text("LATCHKEY_EXPLORE").is_some() {
        return;
    }
    // The password is new only after another request.
    let is_to_fail = |name: &str| {
        name.ends_with("_wrong") || matches!(name, "log_in_new" | "update_new" | "log_in_unknown")
    };
    let missing: Vec<_> = OPERATIONS
        .iter()
        .map(|operation| operation.name)
        .filter(|name| !is_to_fail(name) && !FINDINGS.successful.contains(name))
        .collect();
    assert!(missing.is_empty(), "never successful: {missing:?}");
}

/// The search goes on once from each state. Otherwise it comes to the same ends.
#[test]
fn orders_that_are_merged_lead_to_the_same_ends() {
    for (scenario, one, other) in [
        ("links", "log_in", "update_password"),
        ("links", "complete", "complete_other"),
        ("locked", "log_in_wrong", "log_in"),
        ("names", "sign_up", "update_email"),
    ] {
        let world = world_of(scenario);
        let ends = |merges| ends(&world, &[operation(one), operation(other)], merges);
        let (merged, all) = (ends(true), ends(false));
        assert_eq!(merged.1, all.1, "the number of orders");
        assert!(merged.2 < all.2, "no order was merged");
        assert!(merged.0 == all.0, "{scenario} {one} {other}");
    }
}

/// Only then a request may go on as if it had been sent twice.
#[test]
fn lost_responses_are_ambiguous_only_if_the_item_was_overwritten() {
    let world = world_of("locked");
    for (order, expected) in [
        ("A0 A1 A2 A3 B0 B1", Unanswered::None),
        ("A0 A1 A2 B0 A3 B1", Unanswered::None),
        ("A0 A1 A2 B0 B1 A3", Unanswered::Ambiguous),
        ("A0 A1 B0 A2 B1 A3", Unanswered::Ambiguous),
        ("A0 A1 B0 B1 A2 A3", Unanswered::None),
    ] {
        let line = format!("locked: log_in_wrong update_name: {order}: LostResponse A2");
        let recipe = Recipe::parse(&line);
        let operations: Vec<_> = recipe
            .operations
            .iter()
            .map(|name| operation(name))
            .collect();
        let experiment = Experiment {
            world: &world,
            operations: &operations,
            may_fail: &explore::none,
            merges: true,
        };
        let (moment, _) = experiment.replay(&recipe.order, recipe.fault);
        assert_eq!(moment.unanswered, expected, "{line}");
    }
}

/// The table has each condition that was seen with the functions that it was seen of, and no other. Its runs go wrong without the
/// condition, and its tests exist.
#[test]
fn every_condition_of_a_write_is_needed() {
    if settings::text("LATCHKEY_EXPLORE").is_some() {
        return;
    }
    let rows = table::rows();
    let unproved = rows.iter().filter(|row| !row.proof.exists());
    let unproved: Vec<_> = unproved.map(|row| row.condition.to_string()).collect();
    let text = |condition: &Condition, functions: &BTreeSet<String>| {
        let functions: Vec<_> = functions.iter().map(String::as_str).collect();
        format!("{condition} | {}", functions.join(", "))
    };
    let listed = rows.iter().map(|row| text(&row.condition, &row.functions));
    let listed: BTreeSet<_> = listed.collect();
    let used = FINDINGS.used.iter();
    let used: BTreeSet<_> = used.map(|(one, functions)| text(one, functions)).collect();
    let missing: Vec<_> = used.difference(&listed).collect();
    let extra: Vec<_> = listed.difference(&used).collect();
    assert!(
        missing.is_empty(),
        "not in docs/conditions.md: {missing:#?}"
    );
    assert!(extra.is_empty(), "not in the code: {extra:#?}");
    let wrong = &FINDINGS.unproved;
    assert!(wrong.is_empty(), "not needed in: {wrong:#?}");
    assert!(FINDINGS.proved > 0, "no run was repeated");
    assert!(
        unproved.is_empty(),
        "neither a run nor a test: {unproved:#?}"
    );
}

/// A write by itself has a condition, and so has the first one of a transaction. It is the record that the others belong to.
#[test]
fn every_write_is_conditional() {
    let unconditional = &FINDINGS.unconditional;
    assert!(unconditional.is_empty(), "{unconditional:#?}");
}

/// Searches a run that goes wrong without it for each condition of a write, and writes the table of them.
#[test]
#[ignore = "takes minutes, and writes docs/conditions.md"]
fn prove_conditions() {
    let jobs = |scenario| [alone(scenario), usual_pairs(scenario, explore::none)].concat();
    let findings = explore_for(jobs, &[], true);
    let runs = proof::search(&findings.decisive);
    let used = findings.used.keys();
    for condition in used.filter(|one| !runs.contains_key(one)) {
        let jobs = findings.decisive.get(condition);
        println!("no run: {condition}, decisive in {jobs:?}");
    }
    table::write(&findings.used, &runs);
}

/// Three requests at random.
#[test]
#[ignore = "takes as long as LATCHKEY_SECONDS says"]
fn every_order_of_three_requests_is_as_if_they_came_one_by_one() {
    let number = |name, usual| settings::text(name).map_or(usual, |text| text.parse().unwrap());
    let findings = triples::explore(number("LATCHKEY_SEED", 0), number("LATCHKEY_SECONDS", 60));
    check(&findings);
}

/// Repeats a run that was printed, and may switch off a condition.
#[test]
fn replay() {
    let Some(line) = settings::text("LATCHKEY_REPLAY") else {
        return;
    };
    let recipe = Recipe::parse(&line);
    let world = world_of(recipe.scenario);
    world.switch_off(settings::text("LATCHKEY_OFF").map(|text| Condition::parse(&text)));
    if let Some(violation) = recipe.repeat(&world) {
        panic!("{violation}");
    }
}

#[test]
#[ignore = "takes an hour"]
fn a_fault_of_one_call_of_pairs_breaks_nothing() {
    check(&explore(|scenario| pairs(scenario, explore::each), &[]));
}

/// A Latchkey in the state of a scenario.
fn world_of(scenario: &str) -> World {
    let scenario = SCENARIOS
        .iter()
        .find(|known| known.name == scenario)
        .unwrap();
    World::new(scenario, &settings::environments(scenario.settings))
}

/// Every end of the runs of two requests, the number of orders, and that of states.
fn ends(
    world: &World,
    operations: &[&'static Operation],
    merges: bool,
) -> (BTreeSet<String>, u64, usize) {
    let comparison = world.comparison();
    let experiment = Experiment {
        world,
        operations,
        may_fail: &explore::none,
        merges,
    };
    let mut ends = BTreeSet::new();
    let count = experiment.explore(|moment, _| {
        let answers: Vec<_> = moment
            .places
            .iter()
            .flatten()
            .map(|place| comparison.answer(world, world.scripts.answer(*place)))
            .collect();
        let end = comparison.end(world, &moment.state, Strictness::Strict);
        ends.insert(format!("{answers:?} {end:?}"));
        true
    });
    (ends, count.orders, count.states)
}

fn check(findings: &Findings) {
    let violations = &findings.violations;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    assert!(findings.orders > 0, "nothing was explored");
}
