//! Three requests at random, in all orders, with one fault at random.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    check::Check,
    explore::{Findings, describe, name},
    faults::FAULTS,
    operations::operation,
    scenario::SCENARIOS,
    search::Experiment,
    settings,
    world::World,
};

/// The number of threads.
const THREADS: u64 = 2;

/// The triples of one scenario in a row, since its state takes a second to prepare.
const IN_A_ROW: usize = 20;

/// The most calls of a request that a fault may happen to.
const MAX_CALLS: usize = 8;

/// Explores triples for some seconds. The same seed gives the same triples in the same order. One that is not finished when the time
/// is over, or has too many states, is left out of the counts.
pub fn explore(seed: u64, seconds: u64) -> Findings {
    let all = Arc::new(Mutex::new(Findings::default()));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let all = all.clone();
            thread::spawn(move || work(seed * THREADS + thread, &all))
        })
        .collect();
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        for thread in &threads {
            assert!(!thread.is_finished(), "a thread has panicked");
        }
    }
    let found = mem::take(&mut *all.lock().unwrap());
    println!("seed {seed}: {}", found.summary());
    found
}

/// Explores triples until the process ends.
fn work(seed: u64, all: &Mutex<Findings>) -> ! {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let scenario = &SCENARIOS[random.random_range(0..SCENARIOS.len())];
        let world = World::new(scenario, &settings::environments(scenario.settings));
        let names: Vec<_> = scenario.operations().collect();
        for _ in 0..IN_A_ROW {
            let one = |random: &mut StdRng| operation(names[random.random_range(0..names.len())]);
            let operations = [one(&mut random), one(&mut random), one(&mut random)];
            let target = (random.random_range(0..3), random.random_range(0..MAX_CALLS));
            let fault = FAULTS[random.random_range(0..FAULTS.len())];
            let deliveries: Vec<_> = operations.iter().filter(|one| one.is_delivery()).collect();
            let kinds: BTreeSet<_> = deliveries.iter().map(|one| one.usual_name()).collect();
            // The stream delivers a mail once at a time.
            if kinds.len() < deliveries.len() || scenario.is_by_hand(&operations) {
                continue;
            }
            let check = Check::new(&world, &operations);
            let experiment = Experiment {
                world: &world,
                operations: &operations,
                // If they draw the same random numbers, a collision is the one fault of a run.
                may_fail: &|id, _, other| !scenario.draws_alike && id == target && other == fault,
                merges: true,
            };
            let mut faults = BTreeSet::new();
            let count = experiment.explore(|moment, path| {
                faults.extend(moment.fault);
                let violation = check.violation(moment);
                if let Some(violation) = &violation {
                    let text = describe(&experiment, moment, path, violation);
                    println!("seed {seed}: {}\n{text}", name(scenario, &operations));
                    all.lock().unwrap().violations.push(text);
                }
                violation.is_none()
            });
            if !count.is_complete {
                let name = name(scenario, &operations);
                println!("seed {seed}: {name}: left out, since it has too many states");
                continue;
            }
            let mut found = Findings {
                jobs: 1,
                ..Findings::default()
            };
            found.count(count, faults.len());
            all.lock().unwrap().add(found);
        }
    }
}
