//! The machine, the date, the commit and the versions of a run.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, macros::format_description};

use crate::{Result, setup::first_line};

/// The machine's load average over the minute before a run.
const LOAD_BEFORE: &str = "Load average before";

/// The conditions of a run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Conditions {
    /// The time of the start.
    pub date: String,
    /// The commit, and whether it was changed.
    pub commit: String,
    /// The command that repeats the run.
    pub command: String,
    /// The machine, and its load before the run.
    pub machine: BTreeMap<String, String>,
    /// The versions of what is measured.
    pub versions: Vec<String>,
}

impl Conditions {
    /// Describes the machine before a run.
    pub fn new(root: &Path, command: String, versions: Vec<String>) -> Result<Self> {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        let mut commit = Command::new("git");
        commit
            .args(["describe", "--always", "--dirty", "--abbrev=12"])
            .current_dir(root);
        Ok(Self {
            date: OffsetDateTime::now_utc().format(&format)?,
            commit: first_line(&mut commit),
            command,
            machine: machine()?,
            versions,
        })
    }

    /// The machine's load average over the minute before the run.
    pub fn load_before(&self) -> &str {
        self.machine.get(LOAD_BEFORE).map_or("", String::as_str)
    }

    /// The table as Markdown.
    pub fn table(&self) -> Result<String> {
        let mut text = String::from("| | |\n|---|---|\n");
        writeln!(
            text,
            "| Date | {} |\n| Commit | {} |\n| Command | `{}` |",
            self.date, self.commit, self.command
        )?;
        for (name, value) in &self.machine {
            writeln!(text, "| {name} | {value} |")?;
        }
        writeln!(text, "| Versions | {} |", self.versions.join(", "))?;
        Ok(text)
    }
}

/// The machine, and its load.
fn machine() -> Result<BTreeMap<String, String>> {
    let field = |file: &str, name: &str| -> Result<String> {
        let text = fs::read_to_string(file)?;
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        Ok(line
            .split_once(':')
            .map_or("", |(_, value)| value.trim())
            .to_owned())
    };
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let processor = field("/proc/cpuinfo", "model name")?;
    let cores = std::thread::available_parallelism()?;
    let values = [
        ("Kernel", kernel.trim().to_owned()),
        (LOAD_BEFORE, load.to_owned()),
        ("Memory", field("/proc/meminfo", "MemTotal")?),
        ("Processor", format!("{processor}, {cores} cores")),
    ];
    Ok(values.map(|(name, value)| (name.to_owned(), value)).into())
}
