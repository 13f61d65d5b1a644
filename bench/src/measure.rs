//! The measurements of all contestants, interleaved: each round measures every contestant once, so that a busy minute of
//! the machine concerns all of them.

use std::time::Duration;

use crate::{
    Result, affinity::Cores, contestant::Contestant, lambda::is_success, process::Process,
    report::Figures, statistics::Summary,
};

/// The number of measurements.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Starts of each contestant.
    pub starts: usize,
    /// Rounds of warm calls.
    pub rounds: usize,
    /// Warm calls in each round.
    pub calls: usize,
    /// Warm calls in each round if a call hashes a password.
    pub hashing_calls: usize,
    /// Calls before the warm ones.
    pub warm_up: usize,
    /// Processes that hash, of each implementation.
    pub hash_rounds: usize,
}

impl Effort {
    /// For published figures.
    pub const FULL: Self = Self {
        starts: 30,
        rounds: 20,
        calls: 100,
        hashing_calls: 10,
        warm_up: 50,
        hash_rounds: 10,
    };
    /// For a check.
    pub const QUICK: Self = Self {
        starts: 7,
        rounds: 8,
        calls: 40,
        hashing_calls: 2,
        warm_up: 10,
        hash_rounds: 3,
    };
}

/// The samples of one contestant.
#[derive(Default)]
struct Samples {
    cold: Vec<f64>,
    start: Vec<f64>,
    cold_cpu: Vec<f64>,
    first: Vec<f64>,
    warm: Vec<f64>,
    cpu: Vec<f64>,
}

/// The measurements of one contestant.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Measured {
    /// Milliseconds from the start of the process to its first request for an event.
    pub cold: Summary,
    /// Milliseconds from the start of the process to the first connection that it opens, to DynamoDB or the Runtime API.
    pub start: Summary,
    /// Milliseconds of processor time until then.
    pub cold_cpu: Summary,
    /// Milliseconds of the first call.
    pub first: Summary,
    /// Microseconds of a later call.
    pub warm: Summary,
    /// Microseconds of processor time of a later call; a sample is the mean of a round.
    pub cpu: Summary,
    /// The largest resident memory in MiB.
    pub memory: f64,
    /// The bytes that a later call logs.
    pub log_bytes: u64,
}

/// The pause after which a process has requested the next event and waits for it.
const SETTLE: Duration = Duration::from_millis(3);

/// Measures `contestants`.
pub async fn measure(
    contestants: Vec<Contestant>,
    effort: Effort,
    cores: Cores,
) -> Result<Vec<Figures>> {
    let mut samples: Vec<Samples> = contestants.iter().map(|_| Samples::default()).collect();
    for round in 0..effort.starts {
        eprintln!("start {} of {}", round + 1, effort.starts);
        for (contestant, samples) in contestants.iter().zip(&mut samples) {
            start(contestant, samples, cores).await?;
        }
    }
    let mut runs = Vec::new();
    for contestant in &contestants {
        runs.push(Run::start(contestant, effort, cores).await?);
    }
    for round in 0..effort.rounds {
        eprintln!("round {} of {}", round + 1, effort.rounds);
        for (run, samples) in runs.iter_mut().zip(&mut samples) {
            run.round(effort, samples).await?;
        }
    }
    let runs = runs.iter().zip(&samples);
    runs.map(|(run, samples)| Ok(Figures::new(run.contestant, run.finish(samples)?)))
        .collect()
}

async fn start(contestant: &Contestant, samples: &mut Samples, cores: Cores) -> Result<()> {
    contestant.backend.begin_call();
    contestant.backend.take_connection();
    let (process, start) = Process::start(&contestant.program, cores.measured).await?;
    samples.cold.push(start.cold.as_secs_f64() * 1e3);
    let connected = contestant.backend.take_connection();
    let until_connection = connected.map_or(start.cold, |at| at.duration_since(start.at));
    samples.start.push(until_connection.as_secs_f64() * 1e3);
    samples
        .cold_cpu
        .push(process.cpu_time()?.as_secs_f64() * 1e3);
    let first = call(contestant, &process, 0).await?;
    samples.first.push(first.as_secs_f64() * 1e3);
    Ok(())
}

/// Calls once, and checks the response.
pub async fn call(contestant: &Contestant, process: &Process, number: u64) -> Result<Duration> {
    contestant.backend.begin_call();
    let (response, elapsed) = process.call(&contestant.event, number).await?;
    if is_success(&response) {
        return Ok(elapsed);
    }
    let missing = contestant.backend.missing();
    let name = &contestant.name;
    Err(format!(
        "{name}: {response}; not recorded: {missing:?}; {}",
        process.tail()
    )
    .into())
}

/// The warm process of a contestant.
struct Run<'a> {
    contestant: &'a Contestant,
    process: Process,
    calls: u64,
    log_start: (u64, u64),
}

impl<'a> Run<'a> {
    async fn start(contestant: &'a Contestant, effort: Effort, cores: Cores) -> Result<Self> {
        contestant.backend.begin_call();
        let (process, _) = Process::start(&contestant.program, cores.measured).await?;
        let mut run = Self {
            contestant,
            process,
            calls: 0,
            log_start: (0, 0),
        };
        let warm_up = if contestant.hashes() {
            3
        } else {
            effort.warm_up
        };
        for _ in 0..warm_up {
            run.call().await?;
        }
        tokio::time::sleep(SETTLE).await;
        run.log_start = (run.calls, run.process.log_bytes());
        Ok(run)
    }

    async fn call(&mut self) -> Result<Duration> {
        self.calls += 1;
        call(self.contestant, &self.process, self.calls).await
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "there are far fewer than 2^52 calls"
    )]
    async fn round(&mut self, effort: Effort, samples: &mut Samples) -> Result<()> {
        let calls = if self.contestant.hashes() {
            effort.hashing_calls
        } else {
            effort.calls
        };
        let before = self.process.cpu_time()?;
        for _ in 0..calls {
            let elapsed = self.call().await?;
            samples.warm.push(elapsed.as_secs_f64() * 1e6);
        }
        // The work after a response belongs to the call.
        tokio::time::sleep(SETTLE).await;
        let spent = self.process.cpu_time()?.saturating_sub(before);
        samples.cpu.push(spent.as_secs_f64() * 1e6 / calls as f64);
        Ok(())
    }

    fn finish(&self, samples: &Samples) -> Result<Measured> {
        let (calls, bytes) = self.log_start;
        let calls = self.calls.saturating_sub(calls).max(1);
        Ok(Measured {
            cold: Summary::of(&samples.cold),
            start: Summary::of(&samples.start),
            cold_cpu: Summary::of(&samples.cold_cpu),
            first: Summary::of(&samples.first),
            warm: Summary::of(&samples.warm),
            cpu: Summary::of(&samples.cpu),
            memory: self.process.peak_memory()?,
            log_bytes: self.process.log_bytes().saturating_sub(bytes) / calls,
        })
    }
}
