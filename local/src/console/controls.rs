//! The controls of a developer: the clock, and faults of DynamoDB and SES.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::{
    clock::AdjustableClock,
    dynamodb::Sweeper,
    event_source::Trigger,
    faults::{Call, FaultAction, Faults, error},
    updates::Updates,
};

/// The largest number of seconds by which the clock can be ahead: a hundred years.
const MAX_ADVANCE: u64 = 100 * 365 * 24 * 3600;
/// The number of steps in which the clock is advanced, so that schedules run on the way.
const STEPS: u64 = 24;
/// The shortest step in seconds.
const MIN_STEP: u64 = 3600;
/// The largest number of responses to lose.
const MAX_RESPONSES: u32 = 1000;

/// The clock, as the API shows it.
#[derive(Serialize)]
pub(super) struct Time {
    now: String,
    advanced_seconds: u64,
}

/// A request to advance the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    advance_seconds: u64,
}

/// The faults in force.
#[derive(Clone, Default, Serialize)]
pub(super) struct InjectedFaults {
    /// SES responds 503 to every mail.
    ses_down: bool,
    /// DynamoDB rejects every call of a function.
    dynamodb_throttled: bool,
    /// The number of writes of functions, from the next one on, that DynamoDB carries out without the function getting a response.
    responses_to_lose: u32,
}

/// A request to change the faults: only the fields that are present.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultChange {
    ses_down: Option<bool>,
    dynamodb_throttled: Option<bool>,
    responses_to_lose: Option<u32>,
}

/// The faults of the services, which the endpoints inject.
#[derive(Clone, Default)]
pub(crate) struct ServiceFaults {
    pub(crate) dynamodb: Faults,
    pub(crate) ses: Faults,
}

/// Changes the clock and the faults.
pub(crate) struct Controls {
    clock: AdjustableClock,
    trigger: Trigger,
    sweeper: Sweeper,
    services: ServiceFaults,
    /// The names of the functions, whose calls fail. Those of other clients, such as the AWS CLI, never do.
    functions: Arc<BTreeSet<String>>,
    injected: Arc<Mutex<InjectedFaults>>,
    updates: Updates,
    /// Held while the faults are changed, so that the rules of the services are those of the last change.
    changing: Mutex<()>,
    /// Held while the clock is advanced.
    advancing: tokio::sync::Mutex<()>,
}

impl Controls {
    pub(crate) fn new(
        clock: AdjustableClock,
        trigger: Trigger,
        sweeper: Sweeper,
        services: ServiceFaults,
        functions: BTreeSet<String>,
        updates: Updates,
    ) -> Self {
        Self {
            clock,
            trigger,
            sweeper,
            services,
            functions: Arc::new(functions),
            injected: Arc::default(),
            updates,
            changing: Mutex::default(),
            advancing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn time(&self) -> Time {
        Time {
            now: self.clock.now().to_string(),
            advanced_seconds: self.clock.advanced_by().as_secs(),
        }
    }

    /// Lets time pass: advances the clock, lets schedules and retries run that become due on the way, and deletes expired items.
    pub(super) async fn advance(&self, request: &Advance) -> Result<(), Problem> {
        let _guard = self.advancing.lock().await;
        let mut left = request.advance_seconds;
        let max = MAX_ADVANCE.saturating_sub(self.clock.advanced_by().as_secs());
        if left == 0 || left > max {
            let problem = format!("advance_seconds must be from 1 to {max}");
            return Err(Problem::Invalid(problem));
        }
        let step = left.div_ceil(STEPS).max(MIN_STEP);
        while left > 0 {
            let step = step.min(left);
            self.clock.advance(Duration::from_secs(step));
            left -= step;
            self.trigger.poll_with_retries().await;
        }
        let swept = self.sweeper.sweep().await;
        self.updates.send("clock", &self.time());
        swept.map_err(|error| Problem::Failed(error.to_string()))?;
        Ok(())
    }

    pub(super) fn faults(&self) -> InjectedFaults {
        lock(&self.injected).clone()
    }

    /// Changes some faults and returns all.
    pub(super) fn change_faults(&self, change: &FaultChange) -> Result<InjectedFaults, Problem> {
        if change.responses_to_lose > Some(MAX_RESPONSES) {
            let problem = format!("responses_to_lose must be at most {MAX_RESPONSES}");
            return Err(Problem::Invalid(problem));
        }
        let _guard = lock(&self.changing);
        let mut injected = lock(&self.injected);
        let InjectedFaults {
            ses_down,
            dynamodb_throttled,
            responses_to_lose,
        } = *injected;
        *injected = InjectedFaults {
            ses_down: change.ses_down.unwrap_or(ses_down),
            dynamodb_throttled: change.dynamodb_throttled.unwrap_or(dynamodb_throttled),
            responses_to_lose: change.responses_to_lose.unwrap_or(responses_to_lose),
        };
        let changed = injected.clone();
        drop(injected);
        self.inject(&changed);
        self.updates.send("faults", &changed);
        Ok(changed)
    }

    pub(super) fn remove_faults(&self) {
        let _guard = lock(&self.changing);
        let none = InjectedFaults::default();
        *lock(&self.injected) = none.clone();
        self.inject(&none);
        self.updates.send("faults", &none);
    }

    /// Sets the rules of the services.
    fn inject(&self, injected: &InjectedFaults) {
        if injected.ses_down {
            let is_mail = |call: &Call| call.operation == "SendEmail";
            let action = FaultAction::SesError(503, "ServiceUnavailableException");
            self.services.ses.rule_where(is_mail, action);
        } else {
            self.services.ses.heal();
        }
        if !injected.dynamodb_throttled && injected.responses_to_lose == 0 {
            return self.services.dynamodb.heal();
        }
        let (functions, injected) = (Arc::clone(&self.functions), Arc::clone(&self.injected));
        let updates = self.updates.clone();
        self.services.dynamodb.rule(move |call| {
            if !functions.contains(&call.function) {
                return FaultAction::Forward;
            }
            let mut injected = lock(&injected);
            if injected.dynamodb_throttled {
                return error(400, "ProvisionedThroughputExceededException");
            }
            if injected.responses_to_lose == 0 || !call.is_write() {
                return FaultAction::Forward;
            }
            injected.responses_to_lose -= 1;
            updates.send("faults", &*injected);
            FaultAction::CutAfter
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
