//! The machine, the date, the commit and the versions of a run.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Command};

use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use crate::{Result, report::machine, setup::first_line};

/// The conditions of a run.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// The time of the start.
    pub date: String,
    /// The commit, and whether it was changed.
    pub commit: String,
    /// The command that repeats the run.
    pub command: String,
    /// The machine, and its load before the run.
    pub machine: BTreeMap<&'static str, String>,
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
