//! Measures the release binaries of the functions beside what people use instead: an empty function, a bare `GetItem` in Rust,
//! Python and Node. Writes `bench/results/performance.json` and the tables of `docs/performance.md`.
//!
//! Speaks the Lambda Runtime API to each program, and answers its requests to DynamoDB, SES and EventBridge from a recording
//! that a journey through the development server makes in the same run. Needs Linux and two cores.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures the machine's own time"
)]
#![allow(
    clippy::indexing_slicing,
    reason = "a member that a JSON value does not have is null"
)]

mod affinity;
mod argon2;
mod backend;
mod conditions;
mod contestant;
mod costs;
mod exchange;
mod lambda;
mod measure;
mod process;
mod products;
mod ratios;
mod recording;
mod report;
mod scale;
mod setup;
mod size;
mod statistics;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{
    affinity::Cores,
    contestant::{BASELINES, Contestant},
    measure::Effort,
    report::Report,
    setup::Paths,
};

/// An error is only printed.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the functions and what people would use instead.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    subject: Option<Subject>,
    /// Takes few samples, and writes no file.
    #[arg(long)]
    quick: bool,
    /// Measures only these contestants.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measures the functions in this folder, which were built before, in place of `target/release`.
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// Prints the nanoseconds of each of this many Argon2 hashes, and ends.
    #[arg(long, hide = true)]
    print_hash_times: Option<usize>,
}

/// What is measured in place of the functions.
#[derive(Subcommand)]
enum Subject {
    Products(products::Arguments),
    Scale(scale::Arguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.subject {
        Some(Subject::Products(arguments)) => {
            return products::run(arguments, &setup::root(), command_line());
        }
        Some(Subject::Scale(arguments)) => {
            return scale::run(arguments, &setup::root(), command_line());
        }
        None => {}
    }
    if let Some(count) = arguments.print_hash_times {
        return argon2::print_times(count);
    }
    let cores = Cores::select()?;
    let root = setup::root();
    let built_before = arguments.binaries.map(std::path::absolute).transpose()?;
    let paths = Paths {
        root: root.clone(),
        binaries: built_before
            .clone()
            .unwrap_or_else(|| root.join("target/release")),
    };
    let is_wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|one| one == name);
    let mut functions = setup::functions(&root)?;
    // The baselines repeat a read of this one.
    functions.retain(|name| is_wanted(name) || name == "get_user");
    if built_before.is_none() {
        setup::build(&root, &functions)?;
    }
    setup::set_up_python(&root)?;
    setup::set_up_node(&root)?;
    let versions = setup::versions(&root);
    let mut report = Report::new(&root, command_line(), versions)?;
    affinity::pin_this_thread(cores.harness)?;
    let effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let figures = runtime.block_on(async {
        let recordings = recording::record(&paths, &functions, cores).await?;
        let mut contestants = Vec::new();
        for name in BASELINES.into_iter().filter(|name| is_wanted(name)) {
            contestants.push(Contestant::baseline(&paths, name, &recordings).await?);
        }
        for (name, recording) in recordings.iter().filter(|(name, _)| is_wanted(name)) {
            contestants.push(Contestant::function(&paths, name, recording).await?);
        }
        measure::measure(contestants, effort, cores).await
    })?;
    let hashes = if arguments.only.is_empty() {
        Some(argon2::measure(&root, effort.hash_rounds, cores.measured)?)
    } else {
        None
    };
    report.finish(figures, hashes);
    println!("{}", report.tables()?);
    if !arguments.quick && arguments.only.is_empty() && built_before.is_none() {
        report.write(&root)?;
    }
    Ok(())
}

/// The command as it is to be repeated.
fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let separator = if arguments.is_empty() { "" } else { " -- " };
    format!(
        "cargo run --release -p bench{separator}{}",
        arguments.join(" ")
    )
}
