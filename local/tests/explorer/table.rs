//! The table of conditions, docs/conditions.md: what each condition of a write prevents, and a run that goes wrong without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use crate::{conditions::Condition, proof::Recipe};

/// The document.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conditions.md");

/// The line after which the rows begin.
const HEAD: &str = "|---|---|---|---|---|";

/// A row of the table.
pub struct Row {
    pub condition: Condition,
    /// What the condition prevents.
    pub prevented: String,
    pub proof: Proof,
}

/// What shows that a condition is needed.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A run that goes wrong without it.
    Run(Recipe),
    /// In words: a test that fails without it, or why there is none.
    Words(String),
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
    let [function, item, text, prevented, proof] = cells[..] else {
        panic!("not a row of five cells: {line}");
    };
    let is_run = proof.starts_with('`') && proof.contains(": ");
    Row {
        condition: Condition::parse(&[function, item, text].join(" | ")),
        prevented: prevented.to_owned(),
        proof: if is_run {
            Proof::Run(Recipe::parse(proof.trim_matches('`')))
        } else {
            Proof::Words(proof.to_owned())
        },
    }
}

/// Writes the table anew. What it says in words stays.
pub fn write(used: &BTreeSet<Condition>, runs: &BTreeMap<Condition, Recipe>) {
    let before = fs::read_to_string(PATH).unwrap();
    let known: BTreeMap<_, _> = rows()
        .into_iter()
        .map(|row| (row.condition.clone(), row))
        .collect();
    let (intro, _) = before.split_once(HEAD).unwrap();
    let mut text = format!("{intro}{HEAD}\n");
    for condition in used {
        let row = known.get(condition);
        let prevented = row.map_or("", |row| row.prevented.as_str());
        let run = runs.get(condition).map(|run| format!("`{}`", run.write()));
        let words = || match row.map(|row| &row.proof) {
            Some(Proof::Words(words)) => words.clone(),
            _ => "none".to_owned(),
        };
        let proof = run.unwrap_or_else(words);
        let _ = writeln!(text, "| {condition} | {prevented} | {proof} |");
    }
    fs::write(PATH, text).unwrap();
}
