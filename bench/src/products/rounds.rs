//! The measurements of all products, interleaved: each round measures every product once, so that a busy minute of the machine
//! concerns all of them.

use std::time::Duration;

use serde::Serialize;

use crate::{Result, statistics::Summary};

use super::{
    accounts::{Account, Connection},
    product::Product,
    server::{Server, spent},
};

/// The number of measurements.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Starts of each product.
    pub starts: usize,
    /// Rounds of requests.
    pub rounds: usize,
    /// Log-ins in each round.
    pub log_ins: usize,
    /// Reads in each round.
    pub reads: usize,
}

impl Effort {
    /// For published figures.
    pub const FULL: Self = Self {
        starts: 10,
        rounds: 25,
        log_ins: 20,
        reads: 200,
    };
    /// For a check.
    pub const QUICK: Self = Self {
        starts: 2,
        rounds: 4,
        log_ins: 10,
        reads: 100,
    };
}

/// Accounts of each product, which log in and read themselves in turn.
const ACCOUNTS: usize = 10;

/// The pause after which the work after a response is done.
const SETTLE: Duration = Duration::from_millis(20);

/// The measurements of one product.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The name of the product.
    pub name: String,
    /// True for this project's.
    pub is_ours: bool,
    /// Log-ins.
    pub log_in: Operation,
    /// Reads of the own account.
    pub read: Operation,
    /// Resident memory of all processes after the load, in MiB.
    pub memory: f64,
    /// Milliseconds from the start until the response to the first sign-up.
    pub start: Summary,
}

/// The measurements of one operation.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Operation {
    /// Seconds of processor time of the server for 1,000 requests; a sample is the mean of a round.
    pub cpu: Summary,
    /// Milliseconds from a request to its response.
    pub latency: Summary,
}

/// The samples of one operation.
#[derive(Default)]
struct Samples {
    cpu: Vec<f64>,
    latency: Vec<f64>,
}

/// The server of a product, and what was measured.
struct Run<'a> {
    product: &'a Product,
    server: Server,
    accounts: Vec<Account>,
    log_in: Samples,
    read: Samples,
}

/// Measures `products`, whose servers run on `core`.
pub async fn measure(products: &[Product], effort: Effort, core: usize) -> Result<Vec<Figures>> {
    let mut starts: Vec<Vec<f64>> = products.iter().map(|_| Vec::new()).collect();
    for round in 0..effort.starts {
        eprintln!("start {} of {}", round + 1, effort.starts);
        for (product, starts) in products.iter().zip(&mut starts) {
            let (_, elapsed) = Server::start(product, &mut Account::new(0), Some(core)).await?;
            starts.push(elapsed.as_secs_f64() * 1e3);
        }
    }
    let mut runs = Vec::new();
    for product in products {
        runs.push(Run::start(product, core).await?);
    }
    for round in 0..effort.rounds {
        eprintln!("round {} of {}", round + 1, effort.rounds);
        for run in &mut runs {
            let result = run.round(effort).await;
            result.map_err(|error| run.server.failed(run.product, &error.to_string()))?;
        }
    }
    let mut figures = Vec::new();
    for (run, starts) in runs.iter().zip(&starts) {
        figures.push(Figures {
            name: run.product.name.to_owned(),
            is_ours: run.product.is_ours(),
            log_in: run.log_in.summary(),
            read: run.read.summary(),
            memory: run.server.memory()?,
            start: Summary::of(starts),
        });
    }
    Ok(figures)
}

impl<'a> Run<'a> {
    async fn start(product: &'a Product, core: usize) -> Result<Self> {
        let mut accounts: Vec<Account> = (0..ACCOUNTS).map(Account::new).collect();
        let first = accounts.first_mut().ok_or("no account")?;
        let (server, _) = Server::start(product, first, Some(core)).await?;
        let connection = Connection::new(product.api, server.port)?;
        for account in accounts.iter_mut().skip(1) {
            if !connection.sign_up(account).await? {
                return Err(server.failed(product, "refused a connection"));
            }
        }
        Ok(Self {
            product,
            server,
            accounts,
            log_in: Samples::default(),
            read: Samples::default(),
        })
    }

    /// One round over a new connection, which one log-in and one read of each account open and warm up.
    async fn round(&mut self, effort: Effort) -> Result<()> {
        let connection = Connection::new(self.product.api, self.server.port)?;
        for account in &mut self.accounts {
            connection.log_in(account).await?;
            connection.read(account).await?;
        }
        tokio::time::sleep(SETTLE).await;
        let before = self.server.thread_times()?;
        for number in 0..effort.log_ins {
            let count = self.accounts.len();
            let account = self.accounts.get_mut(number % count).ok_or("no account")?;
            self.log_in.add_latency(connection.log_in(account).await?);
        }
        tokio::time::sleep(SETTLE).await;
        let between = self.server.thread_times()?;
        for number in 0..effort.reads {
            let account = self.accounts.get(number % self.accounts.len());
            let elapsed = connection.read(account.ok_or("no account")?).await?;
            self.read.add_latency(elapsed);
        }
        tokio::time::sleep(SETTLE).await;
        let after = self.server.thread_times()?;
        self.log_in
            .add_cpu(spent(&before, &between), effort.log_ins);
        self.read.add_cpu(spent(&between, &after), effort.reads);
        Ok(())
    }
}

impl Samples {
    fn add_latency(&mut self, elapsed: Duration) {
        self.latency.push(elapsed.as_secs_f64() * 1e3);
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a round takes far less than 2^52 ns"
    )]
    fn add_cpu(&mut self, nanoseconds: u64, requests: usize) {
        // Nanoseconds of a request are seconds of 10^9 requests.
        self.cpu.push(nanoseconds as f64 / requests as f64 / 1e6);
    }

    fn summary(&self) -> Operation {
        Operation {
            cpu: Summary::of(&self.cpu),
            latency: Summary::of(&self.latency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_for_a_thousand_requests() {
        let mut samples = Samples::default();
        samples.add_cpu(4_000_000_000, 200);
        assert!((samples.summary().cpu.median - 20.0).abs() < 1e-9);
    }
}
