//! A request in progress.

use std::{
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::task::unconstrained;

use super::{Waiting, renamed::Renamed};
use crate::{
    database::Reply,
    process::{Answer, InProgress},
    wire::{Call, Flag, Held},
    world::World,
};

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
    /// Begins a request. `signature` distinguishes the ids of its writes from those of other processes with the same random numbers.
    pub fn new(world: &World, request: InProgress, signature: Option<char>) -> Self {
        let mut live = Self {
            request: Some(request),
            flag: Arc::default(),
            held: Vec::new(),
            count: 0,
            renamed: Renamed::new(signature),
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
    pub(super) fn rename(&mut self, world: &World, expected: &[Waiting]) {
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

/// The calls of a request that wait for their replies.
pub(super) fn waiting(world: &World, live: &Live) -> Rc<[Waiting]> {
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
