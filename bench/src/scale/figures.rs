//! The results as JSON and as the tables of docs/scale.md.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;
use shared::domain::settings::Limits;

use crate::{Result, conditions::Conditions, document::replace, report::with_spread};

use super::{measured::Size, mixes::MIXES};

/// The results of a run of `get_user`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The conditions of the run.
    pub conditions: Conditions,
    /// The measurements by number of users, the smallest first.
    pub sizes: Vec<Size>,
}

impl Report {
    /// Writes the JSON file, and the table of the document.
    pub fn write(&self, root: &Path) -> Result<()> {
        let results = root.join("bench/results/scale.json");
        fs::write(results, serde_json::to_string_pretty(self)? + "\n")?;
        write(root, "figures", &self.table()?)
    }

    /// The table as Markdown.
    pub fn table(&self) -> Result<String> {
        let mut text = self.conditions.table()?;
        text.push_str(
            "\n| Users | Latency ms | CPU ms | Latency, ratio | CPU, ratio | Read units | Memory MiB | Loaded in s |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        let first = self.sizes.first().ok_or("no size")?;
        for size in &self.sizes {
            writeln!(
                text,
                "| {} | {} | {} | {:.2} | {:.2} | {} | {:.0} | {:.0} |",
                size.users,
                with_spread(&size.latency, 2),
                with_spread(&size.cpu, 2),
                size.latency.median / first.latency.median,
                size.cpu.median / first.cpu.median,
                size.read_units,
                size.memory,
                size.load_seconds,
            )?;
        }
        Ok(text)
    }
}

/// The table of the simulation, which depends on the code only.
pub fn simulate(limits: &Limits) -> Result<String> {
    let mut text = String::from(
        "| Mix | Requests a second | Refused | Table | Reads | Writes | Hottest partition | Partitions | Hottest key | Its share | The key is full at |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for mix in &MIXES {
        eprintln!("{}", mix.name);
        let (outcome, doubled) = (mix.run(limits, 1)?, mix.run(limits, 2)?);
        for (number, (table, load, layout)) in outcome.tables.iter().enumerate() {
            if number == 0 {
                write!(
                    text,
                    "| {} | {} | {:.0} % |",
                    mix.name,
                    mix.rate,
                    outcome.refused * 100.0
                )?;
            } else {
                text.push_str("| | | |");
            }
            let (key, share) = layout.hottest_key.as_ref().ok_or("a table without a key")?;
            let twice = doubled.tables.iter().find(|(other, _, _)| other == table);
            let twice = twice.and_then(|(_, _, layout)| layout.hottest_key.as_ref());
            let (_, twice) = twice.ok_or("a table without a key")?;
            writeln!(
                text,
                " `{table}` | {:.0} | {:.0} | {} | {} to {} | `{key}` | {} | {} |",
                load.reads,
                load.writes,
                percent(layout.hottest),
                layout.initial,
                layout.partitions,
                percent(*share),
                full_at(f64::from(mix.rate), *share, *twice),
            )?;
        }
    }
    Ok(text)
}

/// The rate at which a key takes all of a partition. A load that does not grow by half when the rate doubles is bounded by a
/// limit of the product, or is that of a key which was hit twice by chance.
fn full_at(rate: f64, share: f64, twice: f64) -> String {
    if twice < share * 1.5 || twice < 0.01 {
        "–".to_owned()
    } else {
        format!("{:.0} a second", rate * 2.0 / twice)
    }
}

fn percent(share: f64) -> String {
    let digits = if share < 0.1 { 2 } else { 0 };
    format!("{:.digits$} %", share * 100.0)
}

/// Replaces a section of docs/scale.md.
pub fn write(root: &Path, section: &str, text: &str) -> Result<()> {
    let file = root.join("docs/scale.md");
    let document = fs::read_to_string(&file)?;
    Ok(fs::write(file, replace(&document, section, text)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_at_which_a_key_is_full_follows_from_its_growth() {
        assert_eq!(full_at(2_000.0, 0.5, 1.0), "4000 a second");
        assert_eq!(full_at(2_000.0, 0.5, 0.5), "–");
    }

    #[test]
    fn small_shares_have_digits() {
        assert_eq!(percent(0.0123), "1.23 %");
        assert_eq!(percent(1.5), "150 %");
    }
}
