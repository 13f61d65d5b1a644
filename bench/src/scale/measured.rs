//! Measurements of `get_user` with different numbers of users in the tables, interleaved.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    Result,
    products::{Account, Connection, Product, Server, spent},
    statistics::Summary,
    store::Store,
};

/// The number of measurements.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    rounds: usize,
    reads: usize,
}

impl Effort {
    /// For published figures.
    pub const FULL: Self = Self {
        rounds: 30,
        reads: 200,
    };
    /// For a check.
    pub const QUICK: Self = Self {
        rounds: 5,
        reads: 50,
    };
}

/// The users that read themselves, who signed up among the others.
const READERS: usize = 50;

/// The pause after which the work after a response is done.
const SETTLE: Duration = Duration::from_millis(20);

/// The measurements with one number of users.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// The users.
    pub users: usize,
    /// Milliseconds from a request to its response.
    pub latency: Summary,
    /// Milliseconds of processor time of a request; a sample is the mean of a round.
    pub cpu: Summary,
    /// Read units of the item that a request reads.
    pub read_units: f64,
    /// Resident memory of the server in MiB, with the tables.
    pub memory: f64,
    /// The seconds in which the users were written.
    pub load_seconds: f64,
}

struct Run<'a> {
    product: &'a Product,
    users: usize,
    server: Server,
    store: Store,
    readers: Vec<Account>,
    load_seconds: f64,
    latency: Vec<f64>,
    cpu: Vec<f64>,
}

/// Measures a server of each product with its number of users.
pub async fn measure(
    products: &[(Product, usize)],
    effort: Effort,
    core: usize,
) -> Result<Vec<Size>> {
    let mut runs = Vec::new();
    for (product, users) in products {
        eprintln!("{users} users");
        runs.push(Run::start(product, *users, core).await?);
    }
    for round in 0..effort.rounds {
        eprintln!("round {} of {}", round + 1, effort.rounds);
        for run in &mut runs {
            let result = run.round(effort.reads).await;
            result.map_err(|error| run.server.failed(run.product, &error.to_string()))?;
        }
    }
    let mut sizes = Vec::new();
    for run in &runs {
        sizes.push(run.finish().await?);
    }
    Ok(sizes)
}

impl<'a> Run<'a> {
    /// Half of the readers sign up before the other users are written, and half afterwards.
    async fn start(product: &'a Product, users: usize, core: usize) -> Result<Self> {
        let mut readers: Vec<Account> = (0..READERS).map(Account::new).collect();
        let (first, others) = readers.split_first_mut().ok_or("no reader")?;
        let (server, _) = Server::start(product, first, Some(core)).await?;
        let connection = Connection::new(product.api, server.port)?;
        let store = Store::of(&server)?;
        let (before, after) = others.split_at_mut(READERS / 2);
        for account in before {
            connection.sign_up(account).await?;
        }
        let started = Instant::now();
        store
            .add_copies(&first.id, 0..users.saturating_sub(READERS))
            .await?;
        let load_seconds = started.elapsed().as_secs_f64();
        for account in after {
            connection.sign_up(account).await?;
        }
        for account in &mut readers {
            connection.log_in(account).await?;
        }
        Ok(Self {
            product,
            users,
            server,
            store,
            readers,
            load_seconds,
            latency: Vec::new(),
            cpu: Vec::new(),
        })
    }

    /// One round over a new connection, which a read of each reader opens and warms up.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a round takes far less than 2^52 ns"
    )]
    async fn round(&mut self, reads: usize) -> Result<()> {
        let connection = Connection::new(self.product.api, self.server.port)?;
        for account in &self.readers {
            connection.read(account).await?;
        }
        tokio::time::sleep(SETTLE).await;
        let before = self.server.thread_times()?;
        for account in self.readers.iter().cycle().take(reads) {
            let elapsed = connection.read(account).await?;
            self.latency.push(elapsed.as_secs_f64() * 1e3);
        }
        tokio::time::sleep(SETTLE).await;
        let spent = spent(&before, &self.server.thread_times()?);
        self.cpu.push(spent as f64 / reads as f64 / 1e6);
        Ok(())
    }

    async fn finish(&self) -> Result<Size> {
        let reader = self.readers.last().ok_or("no reader")?;
        Ok(Size {
            users: self.users,
            latency: Summary::of(&self.latency),
            cpu: Summary::of(&self.cpu),
            read_units: self.store.units_of_read(&reader.id).await?,
            memory: self.server.memory()?,
            load_seconds: self.load_seconds,
        })
    }
}
