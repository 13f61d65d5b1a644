//! The development server under load, and its users.

use std::time::Duration;

use reqwest::Client;

use crate::{
    Result,
    products::{Account, Api, Connection, Product, Server},
    store::{self, Store},
};

use super::processor;

/// A server with one user, who signed up and logged in, and copies of them. It is stopped when this value is dropped.
pub struct Subject {
    /// The user who signed up.
    pub reader: Account,
    server: Server,
    store: Store,
    client: Client,
    copies: usize,
}

impl Subject {
    /// Starts the server, on any core.
    pub async fn start(product: &Product) -> Result<Self> {
        let mut reader = Account::new(0);
        let (server, _) = Server::start(product, &mut reader, None).await?;
        Connection::new(Api::Latchkey, server.port)?
            .log_in(&mut reader)
            .await?;
        Ok(Self {
            reader,
            store: Store::of(&server)?,
            client: Client::builder()
                .no_proxy()
                .timeout(Duration::from_mins(1))
                .build()?,
            server,
            copies: 0,
        })
    }

    /// The address of the API.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// Adds `count` users, and returns them.
    pub async fn add_users(&mut self, count: usize) -> Result<Vec<Account>> {
        let numbers = self.copies..self.copies + count;
        self.copies = numbers.end;
        self.store
            .add_copies(&self.reader.id, numbers.clone())
            .await?;
        Ok(numbers.map(store::copy).collect())
    }

    /// The number of users with a reset link.
    pub async fn count_links(&self) -> Result<u64> {
        self.store.count("TransientTable", "reset#").await
    }

    /// Empties the mailbox.
    pub async fn delete_mails(&self) -> Result<()> {
        let url = format!("{}/_local/mails", self.address());
        self.client.delete(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// The resident memory in KiB.
    pub fn memory(&self) -> Result<f64> {
        Ok(self.server.memory()? * 1024.0)
    }

    /// The processor time so far, in seconds.
    pub fn processor_time(&self) -> Result<f64> {
        processor::time(self.server.process())
    }
}
