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
mod authority;
mod backend;
mod conditions;
mod contestant;
mod costs;
mod document;
mod exchange;
mod gate;
mod lambda;
mod load;
mod measure;
mod plot;
mod process;
mod products;
mod ratios;
mod recording;
mod report;
mod scale;
mod secure;
mod setup;
mod size;
mod statistics;
mod store;
mod upstream;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{
    affinity::Cores,
    authority::Authority,
    conditions::Conditions,
    contestant::{BASELINES, Contestant},
    gate::Regression,
    measure::Effort,
    recording::Recordings,
    report::{Figures, Report},
    secure::Secure,
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
    /// Takes few samples, and fails if a function is worse than recorded by more than 15 %.
    #[arg(long)]
    check: bool,
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
    Load(load::Arguments),
    Products(products::Arguments),
    Scale(scale::Arguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.subject {
        Some(Subject::Load(arguments)) => {
            return load::run(arguments, &setup::root(), command_line());
        }
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
    let root = setup::root();
    let setup = Setup::prepare(root.clone(), &arguments)?;
    let report = setup.measure()?;
    println!("{}", report.tables()?);
    if arguments.check {
        return check(&setup, &report);
    }
    if !arguments.quick && arguments.only.is_empty() && arguments.binaries.is_none() {
        report.write(&root)?;
    }
    Ok(())
}

/// Fails if a function got worse than recorded. Measures once more before that, since other programs disturb.
fn check(setup: &Setup, report: &Report) -> Result<()> {
    let recorded = gate::recorded(&setup.paths.root)?;
    let first = gate::regressions(&recorded, &serde_json::to_value(report)?)?;
    if first.is_empty() {
        println!("no function is worse than recorded");
        return Ok(());
    }
    println!("worse than recorded, so once more:\n{}", lines(&first));
    let again = setup.measure()?;
    println!("{}", again.tables()?);
    let mut both = gate::regressions(&recorded, &serde_json::to_value(&again)?)?;
    both.retain(|one| first.iter().any(|other| other.what == one.what));
    if both.is_empty() {
        println!("no function is worse than recorded in both measurements");
        return Ok(());
    }
    Err(format!("worse than recorded, twice:\n{}", lines(&both)).into())
}

fn lines(regressions: &[Regression]) -> String {
    let lines: Vec<_> = regressions.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What is measured, and how.
struct Setup {
    paths: Paths,
    cores: Cores,
    functions: Vec<String>,
    baselines: Vec<&'static str>,
    only: Vec<String>,
    measures_hashes: bool,
    effort: Effort,
}

impl Setup {
    /// Builds everything that is wanted.
    fn prepare(root: PathBuf, arguments: &Arguments) -> Result<Self> {
        let only = arguments.only.clone();
        let is_wanted = |name: &str| is_among(&only, name);
        let mut functions = setup::functions(&root)?;
        let is_known = |name: &String| functions.contains(name) || BASELINES.contains(&&**name);
        if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
            return Err(format!("--only: there is no contestant {unknown}").into());
        }
        // The baselines repeat a read of this one.
        functions.retain(|name| is_wanted(name) || name == "get_user");
        let baselines: Vec<_> = (BASELINES.into_iter().filter(|name| is_wanted(name))).collect();
        let binaries = match &arguments.binaries {
            Some(folder) => std::path::absolute(folder)?,
            None => root.join("target/release"),
        };
        if arguments.binaries.is_none() {
            setup::build(&root, &functions, &baselines)?;
        }
        let measures_hashes = only.is_empty() || arguments.check;
        if measures_hashes || baselines.contains(&"python") {
            setup::set_up_python(&root)?;
        }
        if baselines.contains(&"node") {
            setup::set_up_node(&root)?;
        }
        Ok(Self {
            paths: Paths { root, binaries },
            cores: Cores::select()?,
            functions,
            baselines,
            only,
            measures_hashes,
            effort: if arguments.quick || arguments.check {
                Effort::QUICK
            } else {
                Effort::FULL
            },
        })
    }

    /// Measures everything once.
    fn measure(&self) -> Result<Report> {
        let root = &self.paths.root;
        let conditions = Conditions::new(root, command_line(), setup::versions(root))?;
        let mut report = Report::new(conditions);
        // A thread of its own, since it is pinned to a core.
        let (figures, secure) = std::thread::scope(|scope| {
            let measuring = scope.spawn(|| self.measure_contestants());
            let measured = measuring.join();
            measured.map_err(|_| "the measuring thread panicked")?
        })?;
        let hashes = if self.measures_hashes {
            let rounds = self.effort.hash_rounds;
            Some(argon2::measure(root, rounds, self.cores.measured)?)
        } else {
            None
        };
        report.finish(figures, secure, hashes);
        Ok(report)
    }

    fn measure_contestants(&self) -> Result<(Vec<Figures>, Vec<Secure>)> {
        affinity::pin_this_thread(self.cores.harness)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let recordings = recording::record(&self.paths, &self.functions, self.cores).await?;
            let contestants = self.set_up(&recordings, None, |_| true).await?;
            let figures = measure::measure(contestants, self.effort, self.cores).await?;
            let authority = Authority::create(&self.paths)?;
            let reads_a_user = |name: &str| secure::CONTESTANTS.contains(&name);
            let over_tls = self
                .set_up(&recordings, Some(&authority), reads_a_user)
                .await?;
            let secure = secure::measure(&over_tls, self.effort, self.cores).await?;
            Ok((figures, secure))
        })
    }

    /// The contestants among the wanted ones.
    async fn set_up(
        &self,
        recordings: &Recordings,
        authority: Option<&Authority>,
        is_among_them: impl Fn(&str) -> bool,
    ) -> Result<Vec<Contestant>> {
        let mut contestants = Vec::new();
        for name in self.baselines.iter().filter(|name| is_among_them(name)) {
            contestants.push(Contestant::baseline(&self.paths, name, recordings, authority).await?);
        }
        let is_wanted = |name: &str| is_among(&self.only, name) && is_among_them(name);
        for (name, recording) in recordings.iter().filter(|(name, _)| is_wanted(name)) {
            contestants.push(Contestant::function(&self.paths, name, recording, authority).await?);
        }
        Ok(contestants)
    }
}

/// True if `only` names it, or nothing.
fn is_among(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|one| one == name)
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
