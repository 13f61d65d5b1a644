//! Faults of DynamoDB and SES: errors, delays, lost requests and lost responses, which a rule chooses for each call. The console
//! injects them into the calls of the functions; tests install the same in a proxy between the functions and a service.

mod action;
mod call;
mod gate;
mod malformed_response;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
};

pub use self::{
    action::{FaultAction, cancelled, error, rejected_by, typed},
    call::{Access, Call},
    gate::Gate,
    malformed_response::MalformedResponse,
};
use crate::http_server::empty_response;
pub use crate::http_server::{Body, Cut, Response};

/// The largest request that any service accepts, in bytes (DynamoDB).
const MAX_REQUEST: usize = 16 * 1024 * 1024;

type Rule = Box<dyn FnMut(&Call) -> FaultAction + Send>;

/// The faults of a service. Cheap to clone; clones share the rule.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Option<Rule>>>);

impl Faults {
    /// Sets the rule that chooses the fault for every further call.
    pub fn rule(&self, rule: impl FnMut(&Call) -> FaultAction + Send + 'static) {
        *self.lock() = Some(Box::new(rule));
    }

    /// Injects `action` into every further call that `choose` selects.
    pub fn rule_where(&self, choose: impl Fn(&Call) -> bool + Send + 'static, action: FaultAction) {
        self.first(usize::MAX, choose, action);
    }

    /// Injects `action` into the first `count` calls that `choose` selects.
    pub fn first(
        &self,
        count: usize,
        choose: impl Fn(&Call) -> bool + Send + 'static,
        action: FaultAction,
    ) {
        let mut left = count;
        self.rule(move |call| {
            if left > 0 && choose(call) {
                left -= 1;
                action.clone()
            } else {
                FaultAction::Forward
            }
        });
    }

    /// Injects `action` into the next call of `operation`.
    pub fn once(&self, operation: &'static str, action: FaultAction) {
        self.first(1, move |call| call.operation == operation, action);
    }

    /// Holds the first call that `choose` selects, with its further attempts, until the gate is opened.
    pub fn hold(&self, choose: impl Fn(&Call) -> bool + Send + 'static) -> Gate {
        let [gate] = self.hold_each(choose);
        gate
    }

    /// Holds the first calls that `choose` selects, each at a gate of its own.
    pub fn hold_each<const N: usize>(
        &self,
        choose: impl Fn(&Call) -> bool + Send + 'static,
    ) -> [Gate; N] {
        let gates = std::array::from_fn(|_| Gate::closed());
        let held = gates.clone();
        let mut seen: Vec<String> = Vec::new();
        self.rule(move |call| {
            let place = seen.iter().position(|name| *name == call.invocation);
            let place = place.or_else(|| {
                choose(call).then(|| {
                    seen.push(call.invocation.clone());
                    seen.len() - 1
                })
            });
            let gate = place.and_then(|place| held.get(place).cloned());
            gate.map_or(FaultAction::Forward, FaultAction::Hold)
        });
        gates
    }

    /// Removes the rule: every call is forwarded again.
    pub fn heal(&self) {
        *self.lock() = None;
    }

    /// Injects the fault that the rule chooses for `call`. `forward` makes the call, and is not polled if the call is not to be
    /// forwarded.
    ///
    /// # Errors
    /// [`Cut`] if the connection is to be closed without a response.
    pub async fn apply(
        &self,
        call: &Call,
        forward: impl Future<Output = Result<Response, Cut>>,
    ) -> Result<Response, Cut> {
        let action = self
            .lock()
            .as_mut()
            .map_or(FaultAction::Forward, |rule| rule(call));
        match action {
            FaultAction::CutBefore => Err(Cut),
            FaultAction::CutAfter => {
                forward.await?;
                Err(Cut)
            }
            FaultAction::Delay(time) => {
                tokio::time::sleep(time).await;
                forward.await
            }
            FaultAction::Hold(gate) => {
                gate.pass().await;
                forward.await
            }
            FaultAction::Malform(how) => malformed_response::malform(forward.await?, how).await,
            other => match other.replacement() {
                Some(response) => Ok(response),
                None => forward.await,
            },
        }
    }

    /// Handles a request with `handle`, unless the rule injects a fault.
    pub(crate) async fn intercept<F>(
        &self,
        request: Request<Incoming>,
        handle: impl FnOnce(Request<Full<Bytes>>) -> F,
    ) -> Result<Response, Cut>
    where
        F: Future<Output = Response>,
    {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_REQUEST).collect().await else {
            return Ok(empty_response(StatusCode::PAYLOAD_TOO_LARGE));
        };
        let body = body.to_bytes();
        // Without a rule no request is parsed twice.
        let call = (self.lock().is_some()).then(|| Call::new(&head, &body));
        let forward = async {
            let request = Request::from_parts(head, Full::new(body));
            Ok(handle(request).await)
        };
        match call {
            Some(call) => self.apply(&call, forward).await,
            None => forward.await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
