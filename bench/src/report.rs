//! The results as JSON and as the tables of docs/performance.md.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;

use crate::{
    Result,
    argon2::Hashes,
    conditions::Conditions,
    contestant::Contestant,
    costs::{self, Prices},
    document::replace,
    measure::Measured,
    plot,
    ratios::{Ratio, ratios},
    recording::CONSUMERS,
    secure::Secure,
    statistics::Summary,
};

/// Everything that was found out about one contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// True for what the functions are compared with.
    pub is_baseline: bool,
    /// True for a function without a caller that waits.
    pub is_consumer: bool,
    /// True if a call hashes a password.
    pub hashes: bool,
    /// The measurements.
    pub measured: Measured,
    /// The size of the zip file in bytes.
    pub zipped: Option<u64>,
    /// Requests to DynamoDB in a warm call.
    pub dynamodb_calls: f64,
    /// Requests to other services in a call.
    pub service_calls: f64,
    /// Read units of a warm call.
    pub read_units: f64,
    /// Write units of a warm call.
    pub write_units: f64,
}

impl Figures {
    /// Combines a contestant and its measurements.
    pub fn new(contestant: &Contestant, measured: Measured) -> Self {
        let keys = contestant
            .program
            .environment
            .get("KEYS_TABLE")
            .map_or("-", String::as_str);
        // A process keeps the keys that it has read.
        let exchanges = contestant
            .script
            .call
            .iter()
            .filter(|exchange| !exchange.key.ends_with(keys));
        let mut figures = Self {
            name: contestant.name.clone(),
            is_baseline: contestant.is_baseline(),
            is_consumer: CONSUMERS.contains(&contestant.name.as_str()),
            hashes: contestant.hashes(),
            measured,
            zipped: contestant.zipped,
            dynamodb_calls: 0.0,
            service_calls: 0.0,
            read_units: 0.0,
            write_units: 0.0,
        };
        for exchange in exchanges {
            let calls = if exchange.is_dynamodb() {
                &mut figures.dynamodb_calls
            } else {
                &mut figures.service_calls
            };
            *calls += 1.0;
            let units = if exchange.is_read() {
                &mut figures.read_units
            } else {
                &mut figures.write_units
            };
            *units += exchange.units;
        }
        figures
    }

    /// The size of the zip file in megabytes.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    pub fn megabytes(&self) -> Option<f64> {
        self.zipped.map(|bytes| bytes as f64 / 1e6)
    }
}

/// A whole run.
#[derive(Serialize)]
pub struct Report {
    #[serde(flatten)]
    conditions: Conditions,
    hashes: Option<Hashes>,
    secure: Vec<Secure>,
    ratios: Vec<Ratio>,
    contestants: Vec<Figures>,
}

impl Report {
    /// A report without figures.
    pub fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            hashes: None,
            secure: Vec::new(),
            ratios: Vec::new(),
            contestants: Vec::new(),
        }
    }

    /// Adds the results.
    pub fn finish(
        &mut self,
        contestants: Vec<Figures>,
        secure: Vec<Secure>,
        hashes: Option<Hashes>,
    ) {
        self.ratios = ratios(&contestants, &secure, hashes);
        self.secure = secure;
        self.contestants = contestants;
        self.hashes = hashes;
    }

    /// Writes the JSON file, and the tables between the markers of the document.
    pub fn write(&self, root: &Path) -> Result<()> {
        let results = root.join("bench/results/performance.json");
        fs::write(results, serde_json::to_string_pretty(self)? + "\n")?;
        let file = root.join("docs/performance.md");
        plot::write(root, &self.contestants)?;
        let document = fs::read_to_string(&file)?;
        let document = replace(&document, "figures", &self.tables()?)?;
        let costs = costs::tables(&self.contestants, &Prices::read(root)?)?;
        Ok(fs::write(file, replace(&document, "costs", &costs)?)?)
    }

    /// The tables of the figures as Markdown.
    pub fn tables(&self) -> Result<String> {
        let mut text = self.conditions.table()? + "\n";
        self.goals(&mut text)?;
        self.contestants(&mut text)?;
        self.secure(&mut text)?;
        Ok(text)
    }

    fn secure(&self, text: &mut String) -> Result<()> {
        if self.secure.is_empty() {
            return Ok(());
        }
        text.push_str(
            "\n| Over TLS | Cold and first call ms | Handshakes before it | Handshakes in calls |\n|---|---|---|---|\n",
        );
        for one in &self.secure {
            writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                one.name,
                with_spread(&one.cold_and_first, 1),
                one.handshakes_before,
                one.handshakes_in_calls
            )?;
        }
        Ok(())
    }

    fn goals(&self, text: &mut String) -> Result<()> {
        text.push_str("| Ratio | Goal | Measured | Worst | Reached |\n|---|---|---|---|---|\n");
        for ratio in &self.ratios {
            let relation = if ratio.is_minimum { "≥" } else { "≤" };
            let value = if ratio.value < 10.0 {
                format!("{:.2}", ratio.value)
            } else {
                format!("{:.0}", ratio.value)
            };
            let reached = if ratio.is_reached() { "yes" } else { "**no**" };
            writeln!(
                text,
                "| {} | {relation} {} {} | {value} | {} | {reached} |",
                ratio.name, ratio.goal, ratio.unit, ratio.worst
            )?;
        }
        if let Some(Hashes { ours, reference }) = &self.hashes {
            writeln!(
                text,
                "\nArgon2id, m=19456, t=2, p=1: {} ms in this build, {} ms by argon2-cffi.",
                with_spread(ours, 1),
                with_spread(reference, 1)
            )?;
        }
        Ok(())
    }

    fn contestants(&self, text: &mut String) -> Result<()> {
        text.push_str(
            "\n| | Start ms | Cold ms | CPU of it | First ms | Warm µs | CPU µs a call | Peak MiB | Zip MB | Log bytes |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
        );
        for one in &self.contestants {
            let measured = &one.measured;
            let size = one
                .megabytes()
                .map_or("–".to_owned(), |size| format!("{size:.2}"));
            writeln!(
                text,
                "| `{}` | {} | {} | {:.1} | {} | {} | {} | {:.1} | {size} | {} |",
                one.name,
                with_spread(&measured.start, 1),
                with_spread(&measured.cold, 1),
                measured.cold_cpu.median,
                with_spread(&measured.first, 1),
                with_spread(&measured.warm, 0),
                with_spread(&measured.cpu, 0),
                measured.memory,
                measured.log_bytes,
            )?;
        }
        Ok(())
    }
}

/// The median, and the quartiles behind it.
pub fn with_spread(summary: &Summary, digits: usize) -> String {
    format!(
        "{:.digits$} ({:.digits$}–{:.digits$})",
        summary.median, summary.lower, summary.upper
    )
}
