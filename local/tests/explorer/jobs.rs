//! Which operations of a scenario are explored together.

use crate::{
    explore::{self, Faults, Job},
    operations::{Operation, operation},
    scenario::Scenario,
};

fn operations(scenario: &Scenario) -> impl Iterator<Item = &'static Operation> {
    scenario.operations().map(operation)
}

/// Each operation by itself, with each fault at each of its calls.
pub fn alone(scenario: &'static Scenario) -> Vec<Job> {
    operations(scenario)
        .map(|operation| Job {
            operations: vec![operation],
            faults: explore::each,
        })
        .collect()
}

/// Each operation with each, and with itself. If they draw the same random numbers, a collision is the one fault of a run.
pub fn pairs(scenario: &Scenario, faults: Faults) -> Vec<Job> {
    let faults = if scenario.draws_alike {
        explore::none
    } else {
        faults
    };
    let all: Vec<_> = operations(scenario).collect();
    let mut jobs = Vec::new();
    for (place, one) in all.iter().enumerate() {
        for other in &all[place..] {
            // The stream delivers a mail once at a time.
            if one.usual_name() == other.usual_name() && one.is_delivery() {
                continue;
            }
            let operations = vec![*one, *other];
            jobs.push(Job { operations, faults });
        }
    }
    jobs
}

/// The pairs without the one that takes minutes.
pub fn usual_pairs(scenario: &Scenario, faults: Faults) -> Vec<Job> {
    let mut jobs = pairs(scenario, faults);
    jobs.retain(|job| !scenario.is_by_hand(&job.operations));
    jobs
}
