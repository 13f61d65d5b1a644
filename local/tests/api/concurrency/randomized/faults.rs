//! What goes wrong between the functions and DynamoDB: now and then a call is struck, and sometimes its repetitions with
//! it, until the function has to give up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::proxy::{Call, FaultAction, Proxy, cancelled, error};

/// Calls in a thousand that are struck.
const STRUCK: u32 = 25;

/// How many faults befell each function so far.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<String, usize>>>);

/// A call whose repetitions are still to be struck.
struct Struck {
    body: String,
    left: u32,
}

impl Faults {
    /// Strikes from now on, as `seed` says.
    pub fn strike(&self, proxy: &Proxy, seed: u64) {
        let (counts, mut random) = (self.0.clone(), StdRng::seed_from_u64(seed));
        let mut struck: Vec<Struck> = Vec::new();
        proxy.rule(move |call| {
            let body = call.body.to_string();
            let known = struck.iter().position(|other| other.body == body);
            let left = match known {
                Some(place) => struck.swap_remove(place).left,
                None if random.random_ratio(STRUCK, 1000) => times(&mut random),
                None => 0,
            };
            if left == 0 {
                return FaultAction::Forward;
            }
            struck.push(Struck {
                body,
                left: left - 1,
            });
            struck.retain(|other| other.left > 0);
            *counts
                .lock()
                .unwrap()
                .entry(call.function.clone())
                .or_default() += 1;
            fate(call, &mut random)
        });
    }

    /// How many befell `function` so far.
    pub fn of(&self, function: &str) -> usize {
        let counts = self.0.lock().unwrap();
        counts.get(function).copied().unwrap_or_default()
    }

    /// How many there were.
    pub fn all(&self) -> usize {
        self.0.lock().unwrap().values().sum()
    }
}

/// Mostly a function only has to try again; sometimes it does so in vain.
fn times(random: &mut StdRng) -> u32 {
    match random.random_range(0..10) {
        0..=5 => 1,
        6 => 2,
        7 | 8 => 3,
        _ => 8,
    }
}

fn fate(call: &Call, random: &mut StdRng) -> FaultAction {
    let kinds = if call.is_write() { 6 } else { 3 };
    match random.random_range(0..kinds) {
        0 => FaultAction::CutBefore,
        1 => error(400, "ThrottlingException"),
        2 => error(500, "InternalServerError"),
        // The write takes place and nobody is told: the worst of all, so it comes twice as often.
        3 | 4 => FaultAction::CutAfter,
        _ => match call.body["TransactItems"].as_array() {
            Some(writes) => {
                let mut reasons = vec!["None"; writes.len()];
                reasons[random.random_range(0..writes.len())] = "TransactionConflict";
                cancelled(&reasons)
            }
            None => error(400, "TransactionConflictException"),
        },
    }
}
