//! One run: requests in progress, whose calls are released one at a time.

use std::{sync::Arc, task::Context, time::Duration};

use serde_json::{Value, json};
use tokio::task::unconstrained;

use crate::{
    database::{Key, Reply},
    process::{Answer, InProgress},
    wire::{Call, Flag, Held},
    world::{PROCESSES, World},
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// DynamoDB throttles the call.
    Throttled,
    /// The call does not arrive.
    LostRequest,
    /// The call is carried out, and its response does not arrive.
    LostResponse,
    /// The transaction is cancelled, since one of its items is throttled.
    Cancelled,
    /// The write conflicts with a transaction.
    Conflict,
    /// The call is carried out, and the process ends.
    Killed,
}

/// Every fault.
pub const FAULTS: [Fault; 6] = [
    Fault::Throttled,
    Fault::LostRequest,
    Fault::LostResponse,
    Fault::Cancelled,
    Fault::Conflict,
    Fault::Killed,
];

/// Identifies a call of a run: the process, and the number among its calls.
pub type CallId = (usize, usize);

/// What a call did.
#[derive(Clone, Debug)]
pub struct Effect {
    pub keys: Vec<Key>,
    /// False if the call was a read, or a write whose condition failed.
    pub has_changed: bool,
}

impl Effect {
    /// The rule by which orders are left out: two calls commute if they have no item in common, or neither changed
    /// anything.
    pub fn commutes_with(&self, other: &Self) -> bool {
        let is_quiet = !self.has_changed && !other.has_changed;
        is_quiet || self.keys.iter().all(|key| !other.keys.contains(key))
    }
}

pub struct Run<'a> {
    world: &'a World,
    requests: [Option<(InProgress, Arc<Flag>)>; PROCESSES],
    /// The response of each process; `None` until it responds, and if the process was killed.
    pub answers: [Option<Answer>; PROCESSES],
    pub held: Vec<Held>,
    /// The calls so far, as text.
    pub trace: Vec<String>,
}

impl<'a> Run<'a> {
    pub fn new(world: &'a World) -> Self {
        Self {
            world,
            requests: Default::default(),
            answers: Default::default(),
            held: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Adds the request of a process.
    pub fn add(&mut self, process: usize, request: InProgress) {
        self.requests[process] = Some((request, Arc::default()));
        self.poll(process);
    }

    /// Polls a request until it waits for a call or a pause.
    fn poll(&mut self, number: usize) {
        let Some((request, flag)) = &mut self.requests[number] else {
            return;
        };
        let _runtime = self.world.runtime.enter();
        let waker = flag.clone().into();
        let mut context = Context::from_waker(&waker);
        loop {
            // Without the runtime's budget, which ends only when the explorer yields.
            let polled = std::pin::pin!(unconstrained(request.as_mut()));
            if let std::task::Poll::Ready(answer) = polled.poll(&mut context) {
                self.answers[number] = Some(answer);
                self.requests[number] = None;
                break;
            }
            if !flag.take() {
                break;
            }
        }
        self.held.extend(self.world.gate.take());
        self.held.sort_by_key(|held| (held.process, held.number));
    }

    /// Lets every request go on until it has a call that is held, or a response.
    pub async fn settle(&mut self) {
        loop {
            let mut is_settled = true;
            for number in 0..PROCESSES {
                let is_woken = self.requests[number]
                    .as_ref()
                    .is_some_and(|(_, flag)| flag.take());
                if is_woken {
                    self.poll(number);
                }
                let has_call = self.held.iter().any(|held| held.process == number);
                is_settled &= self.requests[number].is_none() || has_call;
            }
            if is_settled {
                return;
            }
            // A request pauses before another attempt.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Carries out a held call and lets its request go on.
    pub fn release(&mut self, id: CallId, fault: Option<Fault>) -> Effect {
        let position = self
            .held
            .iter()
            .position(|held| (held.process, held.number) == id);
        let held = self.held.remove(position.unwrap());
        let (reply, effect) = self.carry_out(&held.call, fault);
        self.trace.push(describe(&held, reply.as_ref(), fault));
        if fault == Some(Fault::Killed) {
            self.requests[held.process] = None;
            self.held.retain(|other| other.process != held.process);
            return effect;
        }
        // The process may have given the call up.
        let _ = held.release.send(reply);
        self.poll(held.process);
        effect
    }

    fn carry_out(&self, call: &Call, fault: Option<Fault>) -> (Option<Reply>, Effect) {
        let keys = call.keys();
        let quiet = Effect {
            keys: keys.clone(),
            has_changed: false,
        };
        let is_transaction = call.operation == "TransactWriteItems";
        let reasons = |code: &str| {
            let reasons = vec![json!({"Code": code}); keys.len()];
            error(
                "TransactionCanceledException",
                json!({"CancellationReasons": reasons}),
            )
        };
        match fault {
            Some(Fault::Throttled) => {
                return (
                    Some(error("ProvisionedThroughputExceededException", json!({}))),
                    quiet,
                );
            }
            Some(Fault::Cancelled) => return (Some(reasons("ThrottlingError")), quiet),
            Some(Fault::Conflict) if is_transaction => {
                return (Some(reasons("TransactionConflict")), quiet);
            }
            Some(Fault::Conflict) => {
                return (
                    Some(error("TransactionConflictException", json!({}))),
                    quiet,
                );
            }
            Some(Fault::LostRequest) => return (None, quiet),
            Some(Fault::LostResponse | Fault::Killed) | None => {}
        }
        let reply = self.world.execute(call);
        let has_changed = reply.0 == 200 && call.operation != "GetItem";
        let reply = (fault != Some(Fault::LostResponse)).then_some(reply);
        (reply, Effect { keys, has_changed })
    }

    /// Releases every call in the order in which they are made.
    pub async fn complete(&mut self) {
        loop {
            self.settle().await;
            let Some(first) = self.held.first() else {
                return;
            };
            self.release((first.process, first.number), None);
        }
    }
}

/// Returns true if `fault` can happen to a call.
pub fn is_possible(fault: Fault, operation: &str) -> bool {
    match fault {
        Fault::Cancelled => operation == "TransactWriteItems",
        Fault::Conflict => operation != "GetItem" && operation != crate::wire::SEND_MAIL,
        Fault::Throttled => operation != crate::wire::SEND_MAIL,
        _ => true,
    }
}

/// An error of DynamoDB.
fn error(code: &str, mut body: Value) -> Reply {
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{code}"));
    body["message"] = json!("made up by a test");
    (400, body.to_string())
}

/// The name of a process in schedules.
pub fn letter(process: usize) -> char {
    ['A', 'B', 'R', 'P'][process]
}

fn describe(held: &Held, reply: Option<&Reply>, fault: Option<Fault>) -> String {
    let keys: Vec<_> = held.call.keys().into_iter().map(|(_, key)| key).collect();
    let result = match reply {
        Some((200, _)) => "done".to_owned(),
        Some((_, body)) => {
            let body: Value = serde_json::from_str(body).unwrap();
            let kind = body["__type"]
                .as_str()
                .unwrap_or_default()
                .rsplit('#')
                .next()
                .unwrap();
            let message = body.get("message").or(body.get("Message"));
            format!(
                "{kind} {}",
                message.and_then(Value::as_str).unwrap_or_default()
            )
        }
        None => "no response".to_owned(),
    };
    let fault = fault
        .map(|fault| format!(" [{fault:?}]"))
        .unwrap_or_default();
    format!(
        "{}{} {} {} {}: {result}{fault}",
        letter(held.process),
        held.number,
        held.call.function,
        held.call.operation,
        keys.join(" ")
    )
}
