//! The table of conditions, docs/conditions.md: what each condition of a write prevents, and what goes wrong without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    fs,
};

use crate::{
    conditions::{Condition, Uses},
    proof::Recipe,
};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The document.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conditions.md");

/// The line after which the rows begin.
const HEAD: &str = "|---|---|---|---|---|";

/// The last cell of a condition that nothing is known to need.
const MISSING: &str = "none";

/// A row of the table.
pub struct Row {
    pub condition: Condition,
    /// The functions that make such a write.
    pub functions: BTreeSet<String>,
    /// What the condition prevents.
    pub prevented: String,
    pub proof: Proof,
}

/// What shows that a condition is needed.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A run that goes wrong without it.
    Run(Recipe),
    /// A test that fails without it: its file, and its name.
    Test(String, String),
    /// Nothing does.
    Missing,
}

impl Proof {
    fn parse(text: &str) -> Self {
        let text = text.trim_matches('`');
        if let Some((file, name)) = text.split_once("::") {
            return Self::Test(file.to_owned(), name.to_owned());
        }
        if text == MISSING {
            Self::Missing
        } else {
            Self::Run(Recipe::parse(text))
        }
    }

    /// Returns false for a test that does not exist, and for no proof.
    pub fn exists(&self) -> bool {
        match self {
            Self::Run(_) => true,
            Self::Test(file, name) => {
                let source = fs::read_to_string(format!("{ROOT}/{file}"));
                source.is_ok_and(|source| source.contains(&format!("fn {name}()")))
            }
            Self::Missing => false,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(formatter, "`{}`", run.write()),
            Self::Test(file, name) => write!(formatter, "`{file}::{name}`"),
            Self::Missing => formatter.write_str(MISSING),
        }
    }
}

/// Every row.
pub fn rows() -> Vec<Row> {
    let text = fs::read_to_string(PATH).unwrap();
    let (_, rows) = text.split_once(HEAD).unwrap();
    rows.lines()
        .filter(|line| !line.is_empty())
        .map(row)
        .collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [item, text, functions, prevented, proof] = cells[..] else {
        panic!("not a row of five cells: {line}");
    };
    let functions = functions.split(", ").map(|name| name.trim_matches('`'));
    Row {
        condition: Condition::parse(&[item, text].join(" | ")),
        functions: functions.map(str::to_owned).collect(),
        prevented: prevented.to_owned(),
        proof: Proof::parse(proof),
    }
}

/// Writes the table anew. What a condition prevents stays, and so does its proof if there is no run.
pub fn write(used: &Uses, runs: &BTreeMap<Condition, Recipe>) {
    let before = fs::read_to_string(PATH).unwrap();
    let known: BTreeMap<_, _> = rows()
        .into_iter()
        .map(|row| (row.condition.clone(), row))
        .collect();
    let (intro, _) = before.split_once(HEAD).unwrap();
    let mut text = format!("{intro}{HEAD}\n");
    for (condition, functions) in used {
        let functions: Vec<_> = functions.iter().map(|name| format!("`{name}`")).collect();
        let functions = functions.join(", ");
        let row = known.get(condition);
        let prevented = row.map_or("", |row| row.prevented.as_str());
        let run = runs.get(condition).cloned().map(Proof::Run);
        let proof = run.or_else(|| row.map(|row| row.proof.clone()));
        let proof = proof.unwrap_or(Proof::Missing);
        let _ = writeln!(
            text,
            "| {condition} | {functions} | {prevented} | {proof} |"
        );
    }
    fs::write(PATH, text).unwrap();
}
