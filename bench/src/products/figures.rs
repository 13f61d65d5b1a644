//! The results as JSON and as the tables of docs/products.md.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;

use crate::{Result, conditions::Conditions, document::replace, report::with_spread};

use super::rounds::Figures;

/// The results of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The conditions of the run.
    pub conditions: Conditions,
    products: Vec<Figures>,
}

/// A figure that is compared; less is better.
type Figure = (&'static str, fn(&Figures) -> f64);

/// The figures that are compared.
const FIGURES: [Figure; 6] = [
    ("processor time of a log-in", |one| one.log_in.cpu.median),
    ("processor time of a read", |one| one.read.cpu.median),
    ("latency of a log-in", |one| one.log_in.latency.median),
    ("latency of a read", |one| one.read.latency.median),
    ("memory", |one| one.memory),
    ("start", |one| one.start.median),
];

impl Report {
    /// Describes the conditions before a run.
    pub fn new(root: &Path, command: String, versions: Vec<String>) -> Result<Self> {
        Ok(Self {
            conditions: Conditions::new(root, command, versions)?,
            products: Vec::new(),
        })
    }

    /// Adds the results.
    pub fn finish(&mut self, products: Vec<Figures>) {
        self.products = products;
    }

    /// Writes the JSON file, and the tables between the markers of the document.
    pub fn write(&self, root: &Path) -> Result<()> {
        let results = root.join("bench/results/products.json");
        fs::write(results, serde_json::to_string_pretty(self)? + "\n")?;
        let file = root.join("docs/products.md");
        let document = fs::read_to_string(&file)?;
        Ok(fs::write(
            file,
            replace(&document, "figures", &self.tables()?)?,
        )?)
    }

    /// The tables as Markdown.
    pub fn tables(&self) -> Result<String> {
        let mut text = self.conditions.table()?;
        text.push_str(
            "\n| | Log-in: CPU s | Read: CPU s | Log-in: ms | Read: ms | Memory MiB | Start ms |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for one in &self.products {
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {:.0} | {} |",
                one.name,
                with_spread(&one.log_in.cpu, 1),
                with_spread(&one.read.cpu, 2),
                with_spread(&one.log_in.latency, 1),
                with_spread(&one.read.latency, 2),
                one.memory,
                with_spread(&one.start, 0),
            )?;
        }
        text.push('\n');
        text.push_str(&verdicts(&self.products)?);
        Ok(text)
    }
}

/// A sentence for each figure in which another product is at least as good as the worse of ours, or that there is none.
fn verdicts(products: &[Figures]) -> Result<String> {
    let mut text = String::new();
    for (figure, value) in FIGURES {
        let ours = products.iter().filter(|one| one.is_ours).map(value);
        let ours = ours.fold(0.0, f64::max);
        for other in products.iter().filter(|one| !one.is_ours) {
            let value = value(other);
            if value <= ours {
                writeln!(
                    text,
                    "- {} wins: {figure}, {:.2} of ours.",
                    other.name,
                    value / ours
                )?;
            }
        }
    }
    if text.is_empty() {
        text.push_str("In this run no other product has a lower figure in any column.\n");
    } else {
        text.insert_str(0, "Where others win, beside the worse line of ours:\n\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use crate::{products::rounds::Operation, statistics::Summary};

    use super::*;

    fn figures(name: &str, is_ours: bool, log_in: f64) -> Figures {
        let operation = |median: f64| Operation {
            cpu: Summary::of(&[median]),
            latency: Summary::of(&[median]),
        };
        Figures {
            name: name.to_owned(),
            is_ours,
            log_in: operation(log_in),
            read: operation(if is_ours { 1.0 } else { 5.0 }),
            memory: if is_ours { 40.0 } else { 100.0 },
            start: Summary::of(&[if is_ours { 30.0 } else { 900.0 }]),
        }
    }

    #[test]
    fn what_others_do_better_is_named() {
        let products = [
            figures("memory", true, 25.0),
            figures("file", true, 30.0),
            figures("other", false, 27.0),
        ];
        let text = verdicts(&products).expect("text");
        assert!(text.contains("other wins: processor time of a log-in, 0.90 of ours."));
        assert!(!text.contains("memory, "), "{text}");
    }

    #[test]
    fn no_win_of_others_is_said() {
        let products = [figures("ours", true, 25.0), figures("other", false, 27.0)];
        let text = verdicts(&products).expect("text");
        assert!(text.starts_with("In this run no other product"));
    }
}
