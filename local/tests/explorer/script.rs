//! What a request does next depends on the replies to its calls alone: its process begins with the same random numbers each time, and the
//! clock stands still. So the next calls of a request are known after it was once given these replies; only then the handler runs.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use serde_json::Value;
use tokio::task::unconstrained;

use crate::{
    database::Reply,
    memory::{NOTHING, Number},
    operations::Operation,
    process::{Answer, InProgress},
    wire::{Call, Flag, Held},
    world::World,
};

/// A place in a script: what a request has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    script: usize,
    node: usize,
}

/// A call that waits for its reply: its number among the calls of its request, and what it is.
pub type Waiting = (usize, Number);

/// What requests were seen to do.
#[derive(Default)]
pub struct Scripts {
    all: RefCell<Vec<Script>>,
    numbers: RefCell<HashMap<(usize, &'static str), usize>>,
    /// The request of each process that was last run, with its place.
    live: RefCell<HashMap<usize, (Place, Live)>>,
}

/// Everything that one operation does in one process.
struct Script {
    process: usize,
    operation: &'static Operation,
    nodes: Vec<Node>,
}

struct Node {
    /// The place before, and the reply that led here.
    from: Option<(usize, usize, Number)>,
    waiting: Rc<[Waiting]>,
    answer: Number,
    next: HashMap<(usize, Number), usize>,
}

/// A request in progress.
pub struct Live {
    request: Option<InProgress>,
    flag: Arc<Flag>,
    pub held: Vec<Held>,
    count: usize,
    renamed: Renamed,
    pub answer: Option<Answer>,
}

impl Live {
    pub fn new(world: &World, request: InProgress) -> Self {
        let mut live = Self {
            request: Some(request),
            flag: Arc::default(),
            held: Vec::new(),
            count: 0,
            renamed: Renamed::default(),
            answer: None,
        };
        live.poll(world);
        live.settle(world);
        live
    }

    /// Replies to a call and lets the request go on until it waits for another one, or responds.
    pub fn release(&mut self, world: &World, number: usize, reply: Option<Reply>) {
        let place = self.held.iter().position(|held| held.number == number);
        let held = self.held.remove(place.unwrap());
        let reply = reply.map(|(status, body)| (status, self.renamed.to_own(body)));
        // The request may have given the call up.
        let _ = held.release.send(reply);
        self.settle(world);
    }

    fn settle(&mut self, world: &World) {
        loop {
            while self.request.is_some() && self.flag.take() {
                self.poll(world);
            }
            if self.request.is_none() || !self.held.is_empty() {
                return;
            }
            // It pauses before another attempt.
            let pause = async { tokio::time::sleep(Duration::from_millis(1)).await };
            world.runtime.block_on(pause);
        }
    }

    /// Takes the keys that a repeated request has made for those that it made the first time. Only they do not come from the process's random
    /// numbers.
    fn rename(&mut self, world: &World, expected: &[Waiting]) {
        for (held, (_, call)) in self.held.iter().zip(expected) {
            let made = self.renamed.to_known(held.call.2.clone()).to_string();
            self.renamed.add(&made, &world.call(*call).body.to_string());
        }
        assert_eq!(
            waiting(world, self).as_ref(),
            expected,
            "a request that gets the same replies makes other calls"
        );
    }

    fn poll(&mut self, world: &World) {
        let Some(request) = &mut self.request else {
            return;
        };
        let _runtime = world.runtime.enter();
        let waker = self.flag.clone().into();
        let mut context = Context::from_waker(&waker);
        // Without the runtime's budget, which ends only when the explorer yields.
        let polled = std::pin::pin!(unconstrained(request.as_mut()));
        if let Poll::Ready(answer) = polled.poll(&mut context) {
            self.answer = Some(answer);
            self.request = None;
        }
        for (call, release) in world.gate.take() {
            self.held.push(Held {
                number: self.count,
                call,
                release,
            });
            self.count += 1;
        }
    }
}

/// The texts of keys that a repeated request has made, each with the one that it made the first time.
#[derive(Default)]
struct Renamed(Vec<(String, String)>);

/// The shortest text that belongs to a key.
const MIN_KEY: usize = 40;

impl Renamed {
    fn add(&mut self, made: &str, known: &str) {
        let is_end =
            |character: char| !(character.is_ascii_alphanumeric() || "-_+/=".contains(character));
        for (made, known) in made.split(is_end).zip(known.split(is_end)) {
            if made != known && made.len() >= MIN_KEY && made.len() == known.len() {
                self.0.push((made.to_owned(), known.to_owned()));
            }
        }
    }

    fn to_own(&self, text: String) -> String {
        let all = self.0.iter();
        all.fold(text, |text, (made, known)| text.replace(known, made))
    }

    fn to_known(&self, call: Value) -> Value {
        if self.0.is_empty() {
            return call;
        }
        let all = self.0.iter();
        let text = all.fold(call.to_string(), |text, (made, known)| {
            text.replace(made, known)
        });
        serde_json::from_str(&text).unwrap()
    }
}

impl Scripts {
    /// Begins an operation in a process.
    pub fn begin(&self, world: &World, process: usize, operation: &'static Operation) -> Place {
        let known = self
            .numbers
            .borrow()
            .get(&(process, operation.name))
            .copied();
        let script = known.unwrap_or_else(|| {
            let mut all = self.all.borrow_mut();
            all.push(Script {
                process,
                operation,
                nodes: Vec::new(),
            });
            let number = all.len() - 1;
            let mut numbers = self.numbers.borrow_mut();
            numbers.insert((process, operation.name), number);
            number
        });
        let place = Place { script, node: 0 };
        if known.is_none() {
            let live = self.start(world, place);
            self.record(world, place, live, None);
        }
        place
    }

    /// The calls that wait for a reply.
    pub fn waiting(&self, place: Place) -> Rc<[Waiting]> {
        self.all.borrow()[place.script].nodes[place.node]
            .waiting
            .clone()
    }

    /// The number of the response, if there is one.
    pub fn answer(&self, place: Place) -> Number {
        self.all.borrow()[place.script].nodes[place.node].answer
    }

    /// The place after a reply; without one, the call got no response.
    pub fn advance(&self, world: &World, place: Place, number: usize, reply: Number) -> Place {
        let known = {
            let all = self.all.borrow();
            let node = &all[place.script].nodes[place.node];
            node.next.get(&(number, reply)).copied()
        };
        if let Some(node) = known {
            return Place { node, ..place };
        }
        let process = self.all.borrow()[place.script].process;
        let live = self.live.borrow_mut().remove(&process);
        let live = live.filter(|(at, _)| *at == place);
        let mut live = live.map_or_else(|| self.repeat(world, place), |(_, live)| live);
        live.release(world, number, world.reply(reply));
        self.record(world, place, live, Some((place.node, number, reply)))
    }

    /// Adds the next place.
    fn record(
        &self,
        world: &World,
        before: Place,
        live: Live,
        from: Option<(usize, usize, Number)>,
    ) -> Place {
        let answer = live.answer.clone();
        let node = Node {
            from,
            waiting: waiting(world, &live),
            answer: answer.map_or(NOTHING, |answer| world.answers.number(answer)),
            next: HashMap::new(),
        };
        let mut all = self.all.borrow_mut();
        let script = &mut all[before.script];
        script.nodes.push(node);
        let place = Place {
            node: script.nodes.len() - 1,
            ..before
        };
        if let Some((node, number, reply)) = from {
            script.nodes[node].next.insert((number, reply), place.node);
        }
        self.live.borrow_mut().insert(script.process, (place, live));
        place
    }

    /// Runs a request again up to a place.
    fn repeat(&self, world: &World, place: Place) -> Live {
        let mut path = Vec::new();
        let mut at = place.node;
        while let Some((before, number, reply)) = self.from(place.script, at) {
            path.push((at, number, reply));
            at = before;
        }
        let mut live = self.start(world, place);
        for (node, number, reply) in path.into_iter().rev() {
            live.release(world, number, world.reply(reply));
            let expected = self.waiting(Place { node, ..place });
            if waiting(world, &live) != expected {
                live.rename(world, &expected);
            }
        }
        live
    }

    fn from(&self, script: usize, node: usize) -> Option<(usize, usize, Number)> {
        self.all.borrow()[script].nodes[node].from
    }

    fn start(&self, world: &World, place: Place) -> Live {
        let (process, operation) = {
            let all = self.all.borrow();
            let script = &all[place.script];
            (script.process, script.operation)
        };
        self.live.borrow_mut().remove(&process);
        let process = &world.processes[process];
        process.renew(world.scenario.is_cold);
        let request = (operation.request)(&world.start);
        Live::new(world, process.begin(&request))
    }
}

fn waiting(world: &World, live: &Live) -> Rc<[Waiting]> {
    let held = live.held.iter();
    held.map(|held| {
        let (function, operation, body) = held.call.clone();
        let body = live.renamed.to_known(body);
        (
            held.number,
            world.number(Call::new((function, operation, body))),
        )
    })
    .collect()
}
