//! The client: oha, which sends requests at a fixed rate and prints what it measured as JSON.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{Result, products::Call, setup};

use super::results::Measured;

/// The version of oha.
const VERSION: &str = "1.16.0";
/// The most connections at the same time.
pub const CONNECTIONS: usize = 100;
/// The time between two checks whether a client has ended.
const POLL: Duration = Duration::from_millis(10);

/// The name and version of the client.
pub fn version() -> String {
    format!("oha {VERSION}")
}

/// The installed client.
pub struct Oha {
    program: PathBuf,
    folder: PathBuf,
}

/// The requests of one client.
pub struct Plan {
    /// The name of its files.
    pub name: String,
    /// The address of the API.
    pub address: String,
    /// The requests, which differ in the body only; each time one of them is selected at random.
    pub calls: Vec<Call>,
    /// Requests a second.
    pub rate: f64,
    /// The number of requests.
    pub requests: usize,
}

/// A running client, which is killed when this value is dropped.
pub struct Client {
    child: Child,
    output: PathBuf,
    rate: f64,
    requests: usize,
}

impl Oha {
    /// Installs the client below `target/bench-tools`, if its version is not there yet.
    pub fn install(root: &Path) -> Result<Self> {
        let tools = root.join("target/bench-tools");
        let program = tools.join("bin/oha");
        if setup::first_line(Command::new(&program).arg("--version")) != version() {
            let mut install = setup::cargo(root);
            install
                .args(["install", "oha", "--version", VERSION, "--locked"])
                .arg("--root")
                .arg(&tools);
            setup::run(&mut install)?;
        }
        let folder = setup::folder(root).join("load");
        fs::create_dir_all(&folder)?;
        Ok(Self { program, folder })
    }

    /// Sends the requests, one every 1/rate seconds, without waiting for responses.
    pub fn start(&self, plan: &Plan) -> Result<Client> {
        let call = plan.calls.first().ok_or("no request")?;
        let output = self.folder.join(format!("{}.json", plan.name));
        let mut command = Command::new(&self.program);
        command
            .args(["--no-tui", "--no-color", "--output-format", "json"])
            .args(["-q", &plan.rate.to_string()])
            .args(["-n", &plan.requests.to_string()])
            .args(["-c", &CONNECTIONS.to_string(), "--latency-correction"])
            .args(["-m", call.method.as_str()]);
        for (name, value) in &call.headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        if !call.body.is_empty() {
            let bodies: Vec<&str> = plan.calls.iter().map(|call| call.body.as_str()).collect();
            let file = self.folder.join(format!("{}.jsonl", plan.name));
            fs::write(&file, bodies.join("\n") + "\n")?;
            command.arg("-Z").arg(file);
        }
        command
            .arg(format!("{}{}", plan.address, call.path))
            .stdin(Stdio::null())
            .stdout(File::create(&output)?);
        Ok(Client {
            child: command.spawn()?,
            output,
            rate: plan.rate,
            requests: plan.requests,
        })
    }
}

impl Client {
    /// False once all responses have come.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for all responses, and returns what was measured.
    pub async fn finish(mut self) -> Result<Measured> {
        while self.is_running()? {
            tokio::time::sleep(POLL).await;
        }
        let status = self.child.wait()?;
        let output = fs::read_to_string(&self.output)?;
        if !status.success() {
            return Err(format!("oha: {status}: {output}").into());
        }
        read(&output, self.rate, self.requests)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what oha prints.
#[expect(
    clippy::cast_precision_loss,
    reason = "there are far fewer than 2^52 responses"
)]
fn read(output: &str, rate: f64, requests: usize) -> Result<Measured> {
    let measured: Value = serde_json::from_str(output)?;
    let number = |value: &Value| {
        let missing = || format!("oha measured no latency: {output}");
        value.as_f64().ok_or_else(missing)
    };
    let statuses = counts(&measured["statusCodeDistribution"])?;
    let responses: u64 = statuses.values().sum();
    let (percentiles, summary) = (&measured["latencyPercentiles"], &measured["summary"]);
    Ok(Measured {
        rate,
        achieved: responses as f64 / number(&summary["total"])?,
        requests,
        p50: number(&percentiles["p50"])?,
        p95: number(&percentiles["p95"])?,
        p99: number(&percentiles["p99"])?,
        max: number(&summary["slowest"])?,
        statuses,
        errors: counts(&measured["errorDistribution"])?,
    })
}

/// Numbers by name.
fn counts(value: &Value) -> Result<BTreeMap<String, u64>> {
    Ok(serde::Deserialize::deserialize(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What oha prints, without what is not read.
    const OUTPUT: &str = r#"{
        "summary": { "successRate": 1.0, "total": 2.0, "slowest": 0.3, "fastest": 0.001, "average": 0.01 },
        "responseTimeHistogram": { "0.001": 1, "0.3": 99 },
        "latencyPercentiles": { "p10": 0.001, "p50": 0.004, "p95": 0.02, "p99": 0.25, "p99.9": 0.3 },
        "statusCodeDistribution": { "200": 97, "503": 2 },
        "errorDistribution": { "connection closed before message completed": 1 }
    }"#;

    #[test]
    fn a_measurement_is_read() {
        let measured = read(OUTPUT, 50.0, 100).expect("a measurement");
        let json = serde_json::to_value(&measured).expect("JSON");
        let expected = serde_json::json!({
            "rate": 50.0, "achieved": 49.5, "requests": 100,
            "p50": 0.004, "p95": 0.02, "p99": 0.25, "max": 0.3,
            "statuses": { "200": 97, "503": 2 },
            "errors": { "connection closed before message completed": 1 },
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_measurement_without_a_response_is_an_error() {
        let output = OUTPUT.replace("0.25", "null");
        let error = read(&output, 50.0, 100).expect_err("no latency");
        assert!(error.to_string().starts_with("oha measured no latency"));
    }
}
