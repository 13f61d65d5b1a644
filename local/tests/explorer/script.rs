//! What a request does next depends on the replies to its calls alone: its process begins with the same random numbers each time, and the
//! clock stands still. So the next calls of a request are known after it was once given these replies; only then the handler runs.

mod live;
mod renamed;

use std::{cell::RefCell, collections::HashMap, rc::Rc};

pub use self::live::Live;
use self::live::waiting;
use crate::{
    memory::{NOTHING, Number},
    operations::Operation,
    search::letter,
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
    numbers: RefCell<HashMap<(usize, usize, &'static str), usize>>,
    /// The request of each process that was last run, with its place.
    live: RefCell<HashMap<usize, (Place, Live)>>,
}

/// Everything that one operation does in one process.
struct Script {
    process: usize,
    /// What the random numbers begin with.
    seed: usize,
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

impl Scripts {
    /// Begins an operation in a process.
    pub fn begin(&self, world: &World, process: usize, operation: &'static Operation) -> Place {
        let seed = world.seed(process);
        let id = (process, seed, operation.name);
        let known = self.numbers.borrow().get(&id).copied();
        let script = known.unwrap_or_else(|| {
            let mut all = self.all.borrow_mut();
            all.push(Script {
                process,
                seed,
                operation,
                nodes: Vec::new(),
            });
            let number = all.len() - 1;
            self.numbers.borrow_mut().insert(id, number);
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
        let (process, seed, operation) = {
            let all = self.all.borrow();
            let script = &all[place.script];
            (script.process, script.seed, script.operation)
        };
        self.live.borrow_mut().remove(&process);
        let process = &world.processes[process];
        process.renew(world.scenario.is_cold, seed, operation.ahead);
        let request = (operation.request)(&world.start);
        let signature = (seed != process.number).then(|| letter(process.number));
        Live::new(world, process.begin(&request), signature)
    }
}
