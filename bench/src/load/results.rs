//! The results as they are recorded in `bench/results/load.json`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Result, conditions::Conditions};

use super::{document, endpoint::Endpoint};

/// The file of the results.
const FILE: &str = "bench/results/load.json";

/// The results of rising rates, and of a soak if there was one afterwards.
#[derive(Debug, Deserialize, Serialize)]
pub struct Results {
    /// The conditions under which the rates rose.
    pub conditions: Conditions,
    /// The length of a step, in seconds.
    pub seconds: f64,
    /// The time in which 99 % of the responses come at a sustained rate, in seconds.
    pub p99_bound: f64,
    /// The share of a sustained rate that is achieved.
    pub achieved_bound: f64,
    /// The most connections at the same time.
    pub connections: usize,
    /// The users that log in.
    pub users: usize,
    /// The steps by endpoint, in order.
    pub steps: BTreeMap<Endpoint, Vec<Step>>,
    /// The highest sustained rates, in requests a second; 0 if none was sustained.
    pub highest_rates: BTreeMap<Endpoint, f64>,
    /// The soak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
}

/// What a client measured. Times are in seconds, from the moment at which a request was due.
#[derive(Debug, Deserialize, Serialize)]
pub struct Measured {
    /// The intended rate, in requests a second.
    pub rate: f64,
    /// Responses a second.
    pub achieved: f64,
    /// The number of requests.
    pub requests: usize,
    /// The median latency.
    pub p50: f64,
    /// The latency that 95 % of the responses do not exceed.
    pub p95: f64,
    /// The latency that 99 % of the responses do not exceed.
    pub p99: f64,
    /// The largest latency.
    pub max: f64,
    /// The number of responses by status.
    pub statuses: BTreeMap<String, u64>,
    /// The number of requests without a response, by error.
    pub errors: BTreeMap<String, u64>,
}

/// A step of a rising rate.
#[derive(Debug, Deserialize, Serialize)]
pub struct Step {
    /// What the client measured.
    #[serde(flatten)]
    pub measured: Measured,
    /// The server's processor time, in seconds.
    pub server_cpu: f64,
    /// The client's processor time, in seconds.
    pub client_cpu: f64,
    /// The server's resident memory after the step, in KiB.
    pub memory: f64,
    /// The number of users who got a mail, at an endpoint that sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mails: Option<u64>,
    /// True if the server kept up.
    pub sustained: bool,
}

/// A soak.
#[derive(Debug, Deserialize, Serialize)]
pub struct Soak {
    /// The conditions of the soak.
    pub conditions: Conditions,
    /// The users that log in and request mails.
    pub users: usize,
    /// Its length, in seconds.
    pub seconds: f64,
    /// What the clients measured.
    pub rows: BTreeMap<Endpoint, Measured>,
    /// The server's processor time, in seconds.
    pub server_cpu: f64,
    /// The server's resident memory in KiB, by the seconds since the start.
    pub memory: Vec<(f64, f64)>,
    /// The course of the memory.
    #[serde(flatten)]
    pub trend: Trend,
}

/// A line through the memory in the second half of a soak. All sizes are in KiB.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Trend {
    /// The mean.
    pub mean: f64,
    /// The rise of the line from the first sample to the last.
    pub drift: f64,
    /// The standard deviation from the line.
    pub noise: f64,
    /// True if the rise is within the noise, or small.
    pub flat: bool,
}

impl Results {
    /// Reads the recorded results.
    pub fn read(root: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(root.join(FILE)).map_err(|error| format!("{FILE}: {error}"))?;
        Ok(serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?)
    }

    /// Writes the JSON file and the document.
    pub fn write(&self, root: &Path) -> Result<()> {
        fs::write(root.join(FILE), serde_json::to_string_pretty(self)? + "\n")?;
        self.write_document(root)
    }

    /// Writes the document.
    pub fn write_document(&self, root: &Path) -> Result<()> {
        Ok(fs::write(root.join(document::FILE), document::page(self)?)?)
    }
}
