//! One Latchkey: tables, processes and a clock that stands still. Calls are carried out when the explorer says so.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    compare::Comparison,
    conditions::{Condition, without},
    database::{Reply, Snapshot, Tables},
    memory::{NOTHING, Number, Numbered},
    operations::{Request, deliver},
    process::{Answer, Environments, Process},
    scenario::{BEGINNING, Scenario, Start},
    script::{Live, Scripts},
    wire::{Call, Gate, SEND_MAIL},
};

/// The processes of a run: up to three requests, the repetition of one of them, and what prepares the state.
pub const PROCESSES: usize = 5;

/// The process that prepares the state.
const PREPARING: usize = 4;

/// What calls find and change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub tables: Snapshot,
    /// The mails that were sent, as calls.
    pub mails: Vec<Number>,
    /// A transaction that was applied and whose response was lost, with what it found: DynamoDB takes another attempt for a repetition.
    pub lost: Option<(Number, Vec<Number>)>,
}

/// The conditions of the calls so far.
#[derive(Default)]
pub struct Seen {
    /// All of them, with the functions that make the calls.
    pub used: BTreeMap<Rc<Condition>, BTreeSet<String>>,
    /// The calls that change something without a condition.
    pub unconditional: BTreeSet<String>,
    /// Those that made a difference.
    pub decisive: BTreeSet<Rc<Condition>>,
}

pub struct World {
    pub runtime: Runtime,
    pub scenario: &'static Scenario,
    pub start: Start,
    pub tables: Tables,
    /// The state that every run starts from.
    pub initial: State,
    pub gate: Gate,
    pub processes: Vec<Process>,
    pub scripts: Scripts,
    pub answers: Numbered<Answer>,
    calls: Numbered<String>,
    parsed: RefCell<BTreeMap<Number, Rc<Call>>>,
    replies: Numbered<Reply>,
    clock: Arc<AtomicU64>,
    /// The state while it is prepared.
    preparing: RefCell<State>,
    pub seen: RefCell<Seen>,
    /// The condition that is switched off.
    off: RefCell<Option<Condition>>,
    /// Without and with the quota of mails.
    comparisons: [OnceCell<Comparison>; 2],
}

impl World {
    /// Builds the state of `scenario`.
    pub fn new(scenario: &'static Scenario, environments: &Environments) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let clock = Arc::new(AtomicU64::new(BEGINNING));
        let gate = Gate::default();
        let tables: BTreeSet<_> = environments
            .values()
            .flat_map(|environment| environment.variables.iter())
            .filter(|(name, _)| name.ends_with("_TABLE"))
            .map(|(_, table)| table.clone())
            .collect();
        let mut world = Self {
            runtime: runtime.unwrap(),
            scenario,
            start: Start::default(),
            tables: Tables::new(&tables),
            initial: State::default(),
            processes: (0..PROCESSES)
                .map(|number| Process::new(number, environments, &gate, &clock))
                .collect(),
            scripts: Scripts::default(),
            answers: Numbered::default(),
            calls: Numbered::default(),
            parsed: RefCell::default(),
            replies: Numbered::default(),
            clock,
            preparing: RefCell::default(),
            seen: RefCell::default(),
            off: RefCell::default(),
            gate,
            comparisons: Default::default(),
        };
        world.processes[PREPARING].renew(false);
        world.start = (scenario.prepare)(&world);
        // Cool-downs are over.
        world.advance(3600);
        if !scenario.is_cold {
            world.warm_up();
        }
        world.initial.tables = world.preparing.take().tables;
        world.seen.take();
        world
    }

    /// Has every process read the keys.
    fn warm_up(&self) {
        for process in &self.processes {
            for function in process.functions() {
                let (app, function) = (process.app(function), function.to_owned());
                self.drive(async move {
                    if function == "sign_up" || function == "log_in" {
                        app.signer.key().await.unwrap();
                    }
                    app.verifier.jwks().await.unwrap();
                    if function == "token" {
                        app.access_signer.key().await.unwrap();
                    }
                    if function == "authorize" {
                        app.access_verifier.jwks().await.unwrap();
                    }
                    Answer {
                        status: 200,
                        body: String::new(),
                    }
                });
            }
        }
    }

    /// The number of a call.
    pub fn number(&self, call: Call) -> Number {
        let text = format!("{} {} {}", call.function, call.operation, call.body);
        let number = self.calls.number(text);
        let mut parsed = self.parsed.borrow_mut();
        parsed.entry(number).or_insert_with(|| Rc::new(call));
        number
    }

    /// The call that has this number.
    pub fn call(&self, number: Number) -> Rc<Call> {
        self.parsed.borrow()[&number].clone()
    }

    /// The number of a reply.
    pub fn reply_number(&self, reply: Reply) -> Number {
        self.replies.number(reply)
    }

    /// The reply that has this number.
    pub fn reply(&self, number: Number) -> Option<Reply> {
        (number != NOTHING).then(|| (*self.replies.value(number)).clone())
    }

    /// Carries out a call and returns the number of its reply.
    pub fn execute(&self, state: &mut State, number: Number) -> Number {
        let call = self.call(number);
        if !call.conditions.is_empty() {
            let used = &mut self.seen.borrow_mut().used;
            for condition in &call.conditions {
                let functions = used.entry(condition.clone()).or_default();
                if !functions.contains(&call.function) {
                    functions.insert(call.function.clone());
                }
            }
        }
        if !call.is_conditional {
            let text = format!("{} {} {:?}", call.function, call.operation, call.keys);
            self.seen.borrow_mut().unconditional.insert(text);
        }
        let reply = match call.operation.as_str() {
            SEND_MAIL => {
                state.mails.push(number);
                let id = format!("{number:040x}");
                (200, json!({"MessageId": id}).to_string())
            }
            "CreateSchedule" | "DeleteSchedule" => (200, "{}".to_owned()),
            _ => {
                let (number, call) = self.without_off(number, call);
                let first = state.lost.as_ref();
                let first = first.filter(|(lost, _)| *lost == number);
                let first = first.map(|(_, found)| found.clone());
                let effect = self
                    .tables
                    .carry_out(number, &call, &mut state.tables, first);
                if !effect.decisive.is_empty() {
                    let decisive = &mut self.seen.borrow_mut().decisive;
                    decisive.extend(effect.decisive.iter().cloned());
                }
                effect.reply.clone()
            }
        };
        self.replies.number(reply)
    }

    /// Carries out a call whose response is lost.
    pub fn lose(&self, state: &mut State, number: Number) {
        let (number_sent, call) = self.without_off(number, self.call(number));
        let found = self.tables.found(&call, &state.tables);
        let reply = self.execute(state, number);
        let is_applied = self.reply(reply).unwrap().0 == 200;
        if is_applied && call.operation == "TransactWriteItems" {
            state.lost = Some((number_sent, found));
        }
    }

    /// The call without the condition that is switched off.
    fn without_off(&self, number: Number, call: Rc<Call>) -> (Number, Rc<Call>) {
        let off = self.off.borrow();
        let Some(off) = off.as_ref() else {
            return (number, call);
        };
        if !call.conditions.iter().any(|condition| **condition == *off) {
            return (number, call);
        }
        let sent = (
            call.function.clone(),
            call.operation.clone(),
            without(&call, off),
        );
        let number = self.number(Call::new(sent));
        (number, self.call(number))
    }

    /// Switches off a condition, or none. Returns the one that was off.
    pub fn switch_off(&self, condition: Option<Condition>) -> Option<Condition> {
        self.off.replace(condition)
    }

    /// Compares the ends of runs.
    pub fn comparison(&self, ignores_quota: bool) -> &Comparison {
        let comparison = &self.comparisons[usize::from(ignores_quota)];
        comparison.get_or_init(|| Comparison::new(self, ignores_quota))
    }

    /// Recipient and text of a mail.
    pub fn mail(&self, number: Number) -> (String, String) {
        let body = &self.call(number).body;
        let to = body["Destination"]["ToAddresses"][0].as_str().unwrap();
        let text = &body["Content"]["Simple"]["Body"]["Text"]["Data"];
        (to.to_owned(), text.as_str().unwrap().to_owned())
    }

    /// Runs one request by itself and returns the body of its response.
    pub fn request(&self, request: &Request) -> Value {
        let answer = self.drive(self.processes[PREPARING].begin(request));
        assert!(answer.status < 300, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Runs one request that is rejected.
    pub fn refused(&self, request: &Request) {
        let answer = self.drive(self.processes[PREPARING].begin(request));
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }

    /// Lets time pass while the state is prepared.
    pub fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The time of every run, in Unix seconds.
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn drive(&self, request: impl Future<Output = Answer> + 'static) -> Answer {
        let mut live = Live::new(self, Box::pin(request));
        while let Some(held) = live.held.first() {
            let (number, call) = (held.number, Call::new(held.call.clone()));
            let call = self.number(call);
            let reply = self.execute(&mut self.preparing.borrow_mut(), call);
            live.release(self, number, self.reply(reply));
        }
        live.answer.unwrap()
    }

    /// Every queued mail as key and nonce.
    pub fn queued(&self) -> Vec<(String, String)> {
        let items = self.tables.items(&self.preparing.borrow().tables);
        let queued = items
            .into_iter()
            .filter(|(_, item)| item["state"]["S"] == "queued");
        queued
            .map(|((_, key), item)| (key, item["nonce"]["S"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// Sends every queued mail and returns the texts.
    pub fn deliver(&self) -> Vec<String> {
        let before = self.preparing.borrow().mails.len();
        for (key, nonce) in self.queued() {
            self.request(&deliver(&key, &nonce));
        }
        let mails = self.preparing.borrow().mails[before..].to_vec();
        mails
            .into_iter()
            .map(|number| self.mail(number).1)
            .collect()
    }
}
