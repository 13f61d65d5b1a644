//! A running server: its process, and all processes that it starts.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Result, affinity};

use super::{
    accounts::{Account, Connection},
    product::Product,
};

/// A server, which is stopped when this value is dropped.
pub struct Server {
    /// The port on 127.0.0.1.
    pub port: u16,
    child: Child,
    log: PathBuf,
}

/// Processor time by thread, in nanoseconds.
pub type ThreadTimes = BTreeMap<(u32, u32), u64>;

/// Longer than any start or stop.
const LIMIT: Duration = Duration::from_mins(1);

impl Server {
    /// Starts `product` with a new database, on `core` if there is one, creates `account`, and returns the time until the response
    /// to that.
    pub async fn start(
        product: &Product,
        account: &mut Account,
        core: Option<usize>,
    ) -> Result<(Self, Duration)> {
        let data = product.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let database = data.join("database");
        let template = product.database.as_ref();
        if let Some(template) = template.and_then(|database| database.template.as_ref()) {
            fs::copy(template, &database)?;
        }
        let port = free_port()?;
        let (words, environment) = product.command(port, &database);
        let log = product.folder.join("log");
        let output = File::create(&log)?;
        let mut command = Command::new(words.first().ok_or("no program")?);
        command
            .args(words.iter().skip(1))
            .current_dir(&product.folder)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        // A child has the affinity of the thread that starts it.
        let (started, child) = thread::spawn(move || -> Result<_> {
            if let Some(core) = core {
                affinity::pin_this_thread(core)?;
            }
            Ok((Instant::now(), command.spawn()?))
        })
        .join()
        .map_err(|_| "the thread that starts processes panicked")??;
        let mut server = Self { port, child, log };
        server.wait(product, account, started).await?;
        Ok((server, started.elapsed()))
    }

    async fn wait(
        &mut self,
        product: &Product,
        account: &mut Account,
        started: Instant,
    ) -> Result<()> {
        let connection = Connection::new(product.api, self.port)?;
        loop {
            let created = connection.sign_up(account).await;
            match created {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(self.failed(product, &error.to_string())),
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(product, &status.to_string()));
            }
            if started.elapsed() > LIMIT {
                return Err(self.failed(product, "did not start"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The id of the process that was started.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What the server wrote.
    pub fn output(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// An error with what the server wrote.
    pub fn failed(
        &self,
        product: &Product,
        error: &str,
    ) -> Box<dyn std::error::Error + Send + Sync> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("{}: {error}\n{log}", product.name).into()
    }

    /// The processor time of each thread of each process.
    pub fn thread_times(&self) -> Result<ThreadTimes> {
        let mut times = ThreadTimes::new();
        for process in self.processes()? {
            for task in fs::read_dir(format!("/proc/{process}/task"))? {
                let task = task?.path();
                let thread = task.file_name().and_then(|name| name.to_str());
                let thread = thread
                    .and_then(|name| name.parse().ok())
                    .ok_or("no thread")?;
                // A thread may have ended since.
                if let Ok(text) = fs::read_to_string(task.join("schedstat")) {
                    let running = text.split_whitespace().next().unwrap_or_default();
                    times.insert((process, thread), running.parse()?);
                }
            }
        }
        Ok(times)
    }

    /// The resident memory of all processes in MiB. A page that several processes have counts once.
    pub fn memory(&self) -> Result<f64> {
        let mut kibibytes = 0.0;
        for process in self.processes()? {
            let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let value = line.and_then(|line| line.split_whitespace().next());
            kibibytes += value.ok_or("no Pss")?.parse::<f64>()?;
        }
        Ok(kibibytes / 1024.0)
    }

    /// All processes of the group.
    fn processes(&self) -> Result<Vec<u32>> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // A process may have ended since.
            if let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat"))
                && group(&stat) == Some(self.child.id())
            {
                processes.push(process);
            }
        }
        Ok(processes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(group) = i32::try_from(self.child.id()) else {
            return;
        };
        let Some(group) = Pid::from_raw(group) else {
            return;
        };
        // The processes may have ended already.
        let _ = kill_process_group(group, Signal::TERM);
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The processor time that was spent between two measurements, in nanoseconds. Threads that ended meanwhile are missing.
pub fn spent(before: &ThreadTimes, after: &ThreadTimes) -> u64 {
    after
        .iter()
        .map(|(thread, time)| time.saturating_sub(before.get(thread).copied().unwrap_or_default()))
        .sum()
}

/// The process group in the text of `/proc/PID/stat`: the third field after the name, which may contain spaces.
fn group(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(2)?.parse().ok()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_follows_the_name() {
        assert_eq!(group("7 (a) b (c)) S 1 42 42 0 -1"), Some(42));
        assert_eq!(group("7"), None);
    }

    #[test]
    fn a_new_thread_counts_from_its_start() {
        let before = ThreadTimes::from([((1, 1), 100), ((1, 2), 900)]);
        let after = ThreadTimes::from([((1, 1), 150), ((1, 3), 30)]);
        assert_eq!(spent(&before, &after), 80);
    }
}
