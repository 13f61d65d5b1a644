//! Randomized requests of many concurrent users, while calls fail and time passes. After each round, when nothing is in
//! progress, all tables and responses are checked. The requests are generated from a printed seed; their interleaving is not,
//! so a failing seed may have to be run more than once.
//!
//! To run it for a longer time with statistics:
//! `LATCHKEY_RANDOM_SECONDS=1800 LATCHKEY_RANDOM_SEED=7 cargo test -p local --test api randomized -- --nocapture`

mod account_responses;
mod action;
mod addresses;
mod burst;
mod case;
mod check;
mod deletions;
mod faults;
mod history;
mod learn;
mod link_responses;
mod live_sessions;
mod mails;
mod operations;
mod operator;
mod pending;
mod people;
mod probes;
mod requests;
mod reset_links;
mod reset_responses;
mod responses;
mod rest;
mod settle;
mod tables;
mod values;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use self::{
    burst::Worker,
    check::{Round, Violation},
    history::Step,
    people::Person,
    probes::probe,
    rest::Rest,
    settle::{discover, retire, update},
    tables::SESSIONS,
    world::World,
};

/// The number of concurrent workers.
const WORKERS: usize = 8;

/// The number of rounds before a new start: by then all usernames are taken.
const ROUNDS: usize = 12;

/// The seed of every run, besides a new one each time.
const SEED: u64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_preserve_every_invariant() {
    let number = |name| setting(name).map(|text| text.parse::<u64>().unwrap());
    let seconds = number("LATCHKEY_RANDOM_SECONDS");
    let seed = number("LATCHKEY_RANDOM_SEED");
    let time = Duration::from_secs(seconds.unwrap_or_default());
    match seed {
        Some(seed) => run(seed, time).await,
        None => {
            for seed in [SEED, rand_seed()] {
                run(seed, time).await;
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "manual runs are configured in the environment"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A new seed for each run.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) >> 32
}

/// Statistics of a run.
#[derive(Default)]
struct Tally {
    worlds: usize,
    /// Worlds where another address takes effect once it is confirmed.
    confirming: usize,
    rounds: usize,
    faults: usize,
    probes: usize,
    /// Users with the maximum number of sessions.
    full: usize,
    /// Requests by kind and status.
    steps: BTreeMap<(&'static str, u16), usize>,
}

/// Runs from `seed` until `time` has passed.
async fn run(seed: u64, time: Duration) {
    println!("seed {seed}");
    let began = Instant::now();
    let mut random = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    loop {
        let mut era = Era::new(random.random()).await;
        tally.worlds += 1;
        tally.confirming += usize::from(era.world.confirm_first);
        for _ in 0..ROUNDS {
            let before = era.world.faults.all();
            let found = era.round(&mut tally).await;
            tally.faults += era.world.faults.all() - before;
            if !found.is_empty() {
                tally.print(seed, began.elapsed());
                report(&found, &era.steps);
                for warning in era.world.app.log_watch.warnings() {
                    println!("{warning}");
                }
                panic!("{} violations, from seed {seed}", found.len());
            }
            if !time.is_zero() && began.elapsed() >= time {
                break;
            }
        }
        if began.elapsed() >= time {
            break;
        }
    }
    tally.print(seed, began.elapsed());
}

impl Tally {
    fn print(&self, seed: u64, time: Duration) {
        let requests: usize = self.steps.values().sum();
        println!(
            "seed {seed}: {requests} requests in {} worlds, {} of which confirm addresses first, {} rounds, {} faults, \
             {} probes, {} users with all sessions, {} s",
            self.worlds,
            self.confirming,
            self.rounds,
            self.faults,
            self.probes,
            self.full,
            time.as_secs()
        );
        for ((kind, status), count) in &self.steps {
            println!("{kind:>24} {status} {count:>8}");
        }
    }
}

/// Prints every violation and the requests of its user.
fn report(found: &[Violation], steps: &[Step]) {
    for Violation { user, text } in found {
        println!("VIOLATION, user {user:?}: {text}");
    }
    let users: BTreeSet<_> = found.iter().map(|violation| violation.user).collect();
    let is_open = users.contains(&None);
    for step in steps
        .iter()
        .filter(|step| is_open || users.contains(&step.user))
    {
        println!("{step}");
    }
}

/// One app from its first user on.
struct Era {
    world: World,
    random: StdRng,
    /// The requests of the last round.
    steps: Vec<Step>,
    /// The keys of the transient table after the last round.
    old_mails: BTreeSet<String>,
    /// The keys of the records of the operator's changes so far.
    old_changes: BTreeSet<String>,
}

impl Era {
    async fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            world: World::new(random.random()).await,
            random,
            steps: Vec::new(),
            old_mails: BTreeSet::new(),
            old_changes: BTreeSet::new(),
        }
    }

    /// Runs a burst of requests, waits until nothing is in progress, and checks everything.
    async fn round(&mut self, tally: &mut Tally) -> Vec<Violation> {
        let mail_faults = self.world.faults.of("send_mail");
        self.burst().await;
        let world = &self.world;
        let rest = Rest::read(world).await;
        let mail_faults = world.faults.of("send_mail") - mail_faults;
        self.steps = std::mem::take(&mut *world.steps.lock().unwrap());
        self.steps.sort_by_key(|step| step.began);
        tally.rounds += 1;
        for step in &self.steps {
            *tally
                .steps
                .entry((step.action.name(), step.status))
                .or_default() += 1;
        }
        let mut people = std::mem::take(&mut *world.people.lock().unwrap());
        let mut found = discover(world, &mut people, &self.steps, &rest);
        let mut round = Round {
            world,
            steps: &self.steps,
            rest: &rest,
            people: &people,
            old_mails: &self.old_mails,
            old_changes: &self.old_changes,
            mail_faults,
            found: Vec::new(),
        };
        let mut settled = round.check();
        found.append(&mut round.found);
        retire(world, &mut people, &rest);
        if found.is_empty() {
            update(&mut settled, &rest);
            found = probe(world, &settled, &people.deleted, &mut self.random).await;
            tally.probes += 1;
        }
        // Probes count wrong passwords and create and end sessions.
        let rest = Rest::read(world).await;
        update(&mut settled, &rest);
        let full = |person: &&Person| person.sessions.len() == SESSIONS;
        tally.full += settled.iter().filter(full).count();
        self.old_mails = rest.transient.into_keys().collect();
        self.old_changes = rest.operator_changes.into_keys().collect();
        people.all = settled
            .into_iter()
            .map(|person| (person.id, person))
            .collect();
        *world.people.lock().unwrap() = people;
        world.app.server.clear_mails();
        world.app.proxy.calls();
        self.pass_time().await;
        found
    }

    /// Runs all workers concurrently.
    async fn burst(&mut self) {
        let world = &self.world;
        let ids: Vec<_> = world.people.lock().unwrap().all.keys().copied().collect();
        let hot = (!ids.is_empty()).then(|| ids[self.random.random_range(0..ids.len())]);
        world.faults.inject(&world.app.proxy, self.random.random());
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| Worker::new(world, number, self.random.random(), hot))
            .collect();
        join_all(workers.into_iter().map(Worker::run)).await;
        world.app.proxy.heal();
    }

    /// Advances the clock by nothing, an hour, a day, or the lifetime of links or sessions.
    async fn pass_time(&mut self) {
        let app = &self.world.app;
        let hours = match self.random.random_range(0..12) {
            0 => 49,
            1 => 24 * 14,
            2 | 3 => 24,
            4..8 => 1,
            _ => 0,
        };
        app.advance(Duration::from_hours(hours));
        if self.random.random_ratio(1, 4) {
            app.server.sweep().await.unwrap();
        }
    }
}
