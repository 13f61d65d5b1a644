//! One Latchkey: tables, processes and a clock that stands still. Calls are carried out when the explorer says so.

mod preparing;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    compare::Comparison,
    conditions::{Condition, without},
    database::{Reply, Snapshot, Tables},
    memory::{NOTHING, Number, Numbered},
    process::{Answer, Environments, Process},
    scenario::{BEGINNING, Scenario, Start},
    script::Scripts,
    search::REPEATING,
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
    /// True if all processes draw the same random numbers.
    pub draws_alike: Cell<bool>,
    /// The state while it is prepared.
    preparing: RefCell<State>,
    pub seen: RefCell<Seen>,
    /// The condition that is switched off.
    off: RefCell<Option<Condition>>,
    comparison: OnceCell<Comparison>,
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
            .filter(|(name, table)| name.ends_with("_TABLE") && !table.is_empty())
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
            draws_alike: Cell::default(),
            preparing: RefCell::default(),
            seen: RefCell::default(),
            off: RefCell::default(),
            gate,
            comparison: OnceCell::new(),
        };
        world.processes[PREPARING].renew(false, PREPARING, 0);
        world.start = (scenario.prepare)(&world);
        world.advance(scenario.pause);
        if !scenario.is_cold {
            world.warm_up();
        }
        world.start.expiring = world.expiring();
        world.initial.tables = world.preparing.take().tables;
        world.draws_alike.set(scenario.draws_alike);
        world.seen.take();
        world
    }

    /// What the random numbers of a process begin with.
    pub fn seed(&self, process: usize) -> usize {
        // Another attempt does not draw the same numbers again.
        if self.draws_alike.get() && process != REPEATING {
            // The seed of no process.
            PROCESSES
        } else {
            process
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
    pub fn comparison(&self) -> &Comparison {
        self.comparison.get_or_init(|| Comparison::new(self))
    }

    /// The time of every run, in Unix seconds.
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Recipient and text of a mail.
    pub fn mail(&self, number: Number) -> (String, String) {
        let body = &self.call(number).body;
        let to = body["Destination"]["ToAddresses"][0].as_str().unwrap();
        let text = &body["Content"]["Simple"]["Body"]["Text"]["Data"];
        (to.to_owned(), text.as_str().unwrap().to_owned())
    }
}
