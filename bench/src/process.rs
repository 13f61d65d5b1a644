//! One process of a contestant, which polls a Runtime API of its own.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use lambda_runtime::Context;
use local::runtime_api::RuntimeApi;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::{Result, affinity};

/// A program with its arguments, working directory and environment.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The working directory.
    pub folder: PathBuf,
    /// The whole environment, without the address of the Runtime API.
    pub environment: BTreeMap<String, String>,
}

/// A running process, which is killed when this value is dropped.
pub struct Process {
    api: RuntimeApi,
    child: Child,
    log: Arc<Mutex<Log>>,
}

/// The start of a process.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The moment before the process was created.
    pub at: Instant,
    /// The time until it requested its first event.
    pub cold: Duration,
}

/// The output of a process: its size, and the last part of it.
#[derive(Default)]
struct Log {
    bytes: u64,
    tail: Vec<u8>,
}

/// Longer than any start or call.
const LIMIT: Duration = Duration::from_secs(30);
/// The number of bytes of the output that are kept for an error message.
const TAIL: usize = 16 * 1024;

impl Process {
    /// Starts `program` on `core`, and returns when, once it has requested its first event.
    pub async fn start(program: &Program, core: usize) -> Result<(Self, Start)> {
        let api = RuntimeApi::start().await?;
        let mut command = Command::new(program.command.first().ok_or("no program")?);
        command
            .args(program.command.iter().skip(1))
            .current_dir(&program.folder)
            .env_clear()
            .envs(&program.environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A child has the affinity of the thread that starts it.
        let (started, child) = thread::spawn(move || -> Result<_> {
            affinity::pin_this_thread(core)?;
            Ok((Instant::now(), command.spawn()?))
        })
        .join()
        .map_err(|_| "the thread that starts processes panicked")??;
        let mut process = Self {
            api,
            child,
            log: Arc::default(),
        };
        process.collect_output();
        let ready = timeout(LIMIT, process.api.ready()).await;
        let start = Start {
            at: started,
            cold: started.elapsed(),
        };
        match ready {
            Ok(Ok(())) => Ok((process, start)),
            Ok(Err(error)) => Err(format!("{error}: {}", process.tail()).into()),
            Err(_) => {
                Err(format!("{:?} did not start: {}", program.command, process.tail()).into())
            }
        }
    }

    fn collect_output(&mut self) {
        if let Some(output) = self.child.stdout.take() {
            collect(output, Arc::clone(&self.log));
        }
        if let Some(output) = self.child.stderr.take() {
            collect(output, Arc::clone(&self.log));
        }
    }

    /// Hands `event` over, and returns the response and the time until it was posted.
    pub async fn call(&self, event: &RawValue, number: u64) -> Result<(Box<RawValue>, Duration)> {
        let mut context = Context::default();
        context.request_id = format!("8f507cfc-xmpl-4697-b07a-{number:012}");
        context.deadline = deadline()?;
        "arn:aws:lambda:eu-central-1:123456789012:function:bench:live"
            .clone_into(&mut context.invoked_function_arn);
        let event = event.to_owned();
        let started = Instant::now();
        let response = timeout(LIMIT, self.api.invoke(event, context)).await;
        let elapsed = started.elapsed();
        match response {
            Ok(Ok(response)) => Ok((response, elapsed)),
            Ok(Err(error)) => Err(format!("{error}: {}", self.tail()).into()),
            Err(_) => Err(format!("no response: {}", self.tail()).into()),
        }
    }

    /// The processor time of all threads so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let running = text.split_whitespace().next().unwrap_or_default();
            total += running.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// The largest resident memory so far, in MiB.
    pub fn peak_memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        let kibibytes: f64 = kibibytes.ok_or("no VmHWM")?.parse()?;
        Ok(kibibytes / 1024.0)
    }

    /// The number of bytes written to standard output and standard error so far.
    pub fn log_bytes(&self) -> u64 {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes
    }

    /// The last part of the output.
    pub fn tail(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log.tail).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time at which Lambda would end the invocation, in milliseconds since 1970.
fn deadline() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(u64::try_from((now + Duration::from_secs(15)).as_millis())?)
}

fn collect(mut output: impl Read + Send + 'static, log: Arc<Mutex<Log>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.bytes += length as u64;
            log.tail.extend(buffer.iter().take(length));
            let excess = log.tail.len().saturating_sub(TAIL);
            log.tail.drain(..excess);
        }
    });
}
