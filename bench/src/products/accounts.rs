//! Requests for accounts. Each response is checked: its status, and that it is about the right account.

use std::time::{Duration, Instant};

use reqwest::{Client, header::HeaderMap};
use serde_json::Value;

use crate::Result;

use super::product::{Api, Call};

/// An account of a product.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The user name, where a product has one.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The id that the product chose.
    pub id: String,
    /// The token or cookie of the last log-in.
    pub token: String,
}

/// A client with one connection to one server.
pub struct Connection {
    api: Api,
    address: String,
    client: Client,
}

impl Account {
    /// An account that does not exist yet.
    pub fn new(number: usize) -> Self {
        Self::named(format!("user{number}"))
    }

    /// The account of this name.
    pub fn named(name: String) -> Self {
        Self {
            email: format!("{name}@example.com"),
            name,
            password: "seven-green-bicycles".to_owned(),
            ..Self::default()
        }
    }

    fn expect(&self, found: &(String, String)) -> Result<()> {
        if found.0 == self.id && found.1 == self.email {
            Ok(())
        } else {
            Err(format!("{found:?} in place of {self:?}").into())
        }
    }
}

impl Connection {
    /// A client for the server on `port`. It opens its connection with the first request.
    pub fn new(api: Api, port: u16) -> Result<Self> {
        Ok(Self {
            api,
            address: format!("http://127.0.0.1:{port}"),
            client: Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .build()?,
        })
    }

    /// Creates `account`; false if no server listens yet.
    pub async fn sign_up(&self, account: &mut Account) -> Result<bool> {
        let call = self.api.sign_up(account);
        let (_, body, _) = match self.send(&call).await {
            Err(error) if is_refused(error.as_ref()) => return Ok(false),
            response => response?,
        };
        let (id, email) = self.api.signed_up(&body)?;
        account.id = id;
        account.expect(&(account.id.clone(), email))?;
        Ok(true)
    }

    /// Logs `account` in, keeps the token, and returns the time until the response.
    pub async fn log_in(&self, account: &mut Account) -> Result<Duration> {
        let call = self.api.log_in(account);
        let (headers, body, elapsed) = self.send(&call).await?;
        account.token = self.api.token(&headers, &body)?;
        if let Some(found) = self.api.logged_in(&body)? {
            account.expect(&found)?;
        }
        Ok(elapsed)
    }

    /// Reads `account` with its token, and returns the time until the response.
    pub async fn read(&self, account: &Account) -> Result<Duration> {
        let call = self.api.read(&account.id, &account.token);
        let (_, body, elapsed) = self.send(&call).await?;
        account.expect(&self.api.was_read(&body)?)?;
        Ok(elapsed)
    }

    async fn send(&self, call: &Call) -> Result<(HeaderMap, Value, Duration)> {
        let url = format!("{}{}", self.address, call.path);
        let mut request = self.client.request(call.method.clone(), url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        let started = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await?;
        let elapsed = started.elapsed();
        if status.as_u16() != call.status {
            let body = String::from_utf8_lossy(&body);
            return Err(format!("{} {}: {status}: {body}", call.method, call.path).into());
        }
        Ok((headers, serde_json::from_slice(&body)?, elapsed))
    }
}

fn is_refused(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_connect)
}
