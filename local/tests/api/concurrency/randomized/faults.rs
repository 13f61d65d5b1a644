//! Random faults between the functions and DynamoDB: a call fails now and then, sometimes with its retries, until the function
//! gives up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::proxy::{Call, FaultAction, Proxy, cancelled, error};

/// The number of failing calls per thousand.
const FAILING: u32 = 25;

/// The number of faults of each function so far.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<String, usize>>>);

/// A call whose retries still fail.
struct FailingCall {
    body: String,
    left: u32,
}

impl Faults {
    /// Injects faults from now on, generated from `seed`.
    pub fn inject(&self, proxy: &Proxy, seed: u64) {
        let (counts, mut random) = (self.0.clone(), StdRng::seed_from_u64(seed));
        let mut failing: Vec<FailingCall> = Vec::new();
        proxy.rule(move |call| {
            let body = call.body.to_string();
            let known = failing.iter().position(|other| other.body == body);
            let left = match known {
                Some(place) => failing.swap_remove(place).left,
                None if random.random_ratio(FAILING, 1000) => attempts(&mut random),
                None => 0,
            };
            if left == 0 {
                return FaultAction::Forward;
            }
            failing.push(FailingCall {
                body,
                left: left - 1,
            });
            failing.retain(|other| other.left > 0);
            *counts
                .lock()
                .unwrap()
                .entry(call.function.clone())
                .or_default() += 1;
            action(call, &mut random)
        });
    }

    /// The number of faults of `function` so far.
    pub fn of(&self, function: &str) -> usize {
        let counts = self.0.lock().unwrap();
        counts.get(function).copied().unwrap_or_default()
    }

    /// The number of all faults so far.
    pub fn all(&self) -> usize {
        self.0.lock().unwrap().values().sum()
    }
}

/// The number of attempts that fail: usually few enough for a retry to succeed.
fn attempts(random: &mut StdRng) -> u32 {
    match random.random_range(0..10) {
        0..=5 => 1,
        6 => 2,
        7 | 8 => 3,
        _ => 8,
    }
}

/// The fault of one attempt.
fn action(call: &Call, random: &mut StdRng) -> FaultAction {
    let kinds = if call.is_write() { 6 } else { 3 };
    match random.random_range(0..kinds) {
        0 => FaultAction::CutBefore,
        1 => error(400, "ThrottlingException"),
        2 => error(500, "InternalServerError"),
        // The write is applied but its response is lost: the hardest case, so it is twice as frequent.
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
