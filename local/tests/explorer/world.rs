//! One Latchkey: tables, processes and a clock that stands still. Calls are carried out when the explorer says so.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    conditions::{Condition, conditions, without},
    database::{Items, Reply, Tables},
    operations::{Request, deliver},
    process::{Answer, Environments, Process},
    run::Run,
    scenario::{BEGINNING, Scenario, Start},
    wire::{Call, Gate, SEND_MAIL},
};

/// The processes of a run: two requests, the repetition of one of them, and what prepares the state.
pub const PROCESSES: usize = 4;

/// The process that prepares the state.
const PREPARING: usize = 3;

pub struct World {
    pub runtime: Runtime,
    pub scenario: &'static Scenario,
    pub start: Start,
    pub tables: Tables,
    pub gate: Gate,
    pub processes: Vec<Process>,
    /// The mails that were sent in this run: recipient and text.
    mails: RefCell<Vec<(String, String)>>,
    clock: Arc<AtomicU64>,
    /// Every condition that a call had so far.
    pub conditions: RefCell<BTreeSet<Condition>>,
    /// The condition that is switched off.
    off: RefCell<Option<Condition>>,
    /// Tells the transactions of a run from the same ones of another run.
    runs: Cell<u64>,
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
            .flat_map(|environment| environment.iter())
            .filter(|(name, _)| name.ends_with("_TABLE"))
            .map(|(_, table)| table.clone())
            .collect();
        let mut world = Self {
            runtime: runtime.unwrap(),
            scenario,
            start: Start::default(),
            tables: Tables::new(&tables),
            processes: (0..PROCESSES)
                .map(|number| Process::new(number, environments, &gate, &clock))
                .collect(),
            clock,
            conditions: RefCell::default(),
            off: RefCell::default(),
            gate,
            mails: RefCell::default(),
            runs: Cell::new(0),
        };
        world.processes[PREPARING].seed();
        world.start = (scenario.prepare)(&world);
        // Cool-downs are over.
        world.advance(3600);
        world.tables.keep();
        world.mails.take();
        if !scenario.is_cold {
            world.warm_up();
        }
        world
    }

    /// Has every process read the keys.
    fn warm_up(&self) {
        for process in &self.processes {
            for function in process.functions() {
                let (app, function) = (process.app(function), function.to_owned());
                self.drive(process.number, async move {
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
        self.tables.keep();
    }

    /// Prepares the next run.
    pub fn reset(&self) {
        self.tables.restore();
        self.gate.reset();
        self.mails.take();
        self.runs.set(self.runs.get() + 1);
        for process in &self.processes {
            if self.scenario.is_cold {
                process.restart();
            }
            process.seed();
        }
    }

    /// Carries out a call.
    pub fn execute(&self, call: &Call) -> Reply {
        let seen = conditions(call);
        let off = self.off.borrow();
        let stripped = off.as_ref().filter(|off| seen.contains(off));
        let body = stripped.map_or_else(|| call.body.clone(), |off| without(call, off));
        self.conditions.borrow_mut().extend(seen);
        match call.operation.as_str() {
            SEND_MAIL => {
                let to = call.body["Destination"]["ToAddresses"][0].as_str().unwrap();
                let text = &call.body["Content"]["Simple"]["Body"]["Text"]["Data"];
                let mail = (to.to_owned(), text.as_str().unwrap().to_owned());
                self.mails.borrow_mut().push(mail);
                let id = format!("mail-{}", self.mails.borrow().len());
                (200, json!({"MessageId": id}).to_string())
            }
            "CreateSchedule" | "DeleteSchedule" => (200, "{}".to_owned()),
            "TransactWriteItems" => {
                let mut body = body;
                let token = body["ClientRequestToken"].as_str().unwrap();
                // The same random numbers would make it a repetition of a transaction of an earlier run.
                let token = format!("{:012x}{}", self.runs.get(), &token[12..]);
                body["ClientRequestToken"] = json!(token);
                self.tables.execute(&call.operation, &body)
            }
            operation => self.tables.execute(operation, &body),
        }
    }

    /// Switches off a condition, or none.
    pub fn switch_off(&self, condition: Option<Condition>) -> Option<Condition> {
        self.off.replace(condition)
    }

    /// The mails that were sent in this run.
    pub fn mails(&self) -> Vec<(String, String)> {
        self.mails.borrow().clone()
    }

    pub fn state(&self) -> Items {
        self.tables.current()
    }

    /// Runs one request by itself and returns the body of its response.
    pub fn request(&self, request: &Request) -> Value {
        self.runs.set(self.runs.get() + 1);
        let answer = self.drive(PREPARING, self.processes[PREPARING].begin(request));
        assert!(answer.status < 300, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Runs one request that is rejected.
    pub fn refused(&self, request: &Request) {
        self.runs.set(self.runs.get() + 1);
        let answer = self.drive(PREPARING, self.processes[PREPARING].begin(request));
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

    fn drive(&self, process: usize, request: impl Future<Output = Answer> + 'static) -> Answer {
        self.gate.reset();
        let mut run = Run::new(self);
        run.add(process, Box::pin(request));
        self.runtime.block_on(run.complete());
        run.answers[process].clone().unwrap()
    }

    /// Every queued mail as key and nonce.
    pub fn queued(&self) -> Vec<(String, String)> {
        let items = self.state().into_iter();
        let queued = items.filter(|(_, item)| item["state"]["S"] == "queued");
        queued
            .map(|((_, key), item)| (key, item["nonce"]["S"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// Sends every queued mail and returns the texts.
    pub fn deliver(&self) -> Vec<String> {
        let before = self.mails.borrow().len();
        for (key, nonce) in self.queued() {
            self.request(&deliver(&key, &nonce));
        }
        let mails = self.mails.borrow();
        mails[before..]
            .iter()
            .map(|(_, text)| text.clone())
            .collect()
    }
}
