//! Whole products side by side: the development server with its embedded `DynamoDB`, djoser, fastapi-users and better-auth, each
//! with a database in its own process and the same Argon2id parameters. Writes `bench/results/products.json` and the
//! tables of `docs/products.md`.

mod accounts;
mod figures;
mod product;
mod rounds;
mod server;
mod setup;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{Result, affinity, affinity::Cores};

use self::{figures::Report, rounds::Effort};

pub use self::{
    accounts::{Account, Connection},
    product::{Api, Call, Product, post},
    server::{Server, spent},
    setup::{build_local, latchkey},
};

/// Measures whole products beside the development server
#[derive(Args)]
pub struct Arguments {
    /// Takes few samples, and writes no file
    #[arg(long)]
    quick: bool,
    /// Measures this binary of the development server, which was built before
    #[arg(long, value_name = "FILE")]
    local: Option<PathBuf>,
}

/// Sets the products up, measures them, and prints the tables.
pub fn run(arguments: &Arguments, root: &Path, command: String) -> Result<()> {
    let cores = Cores::select()?;
    let local = match &arguments.local {
        Some(file) => std::path::absolute(file)?,
        None => setup::build_local(root)?,
    };
    let products = setup::install(root, &local)?;
    let mut report = Report::new(root, command, setup::versions(root)?)?;
    for version in &report.conditions.versions {
        eprintln!("{version}");
    }
    affinity::pin_this_thread(cores.harness)?;
    let effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    report.finish(runtime.block_on(rounds::measure(&products, effort, cores.measured))?);
    println!("{}", report.tables()?);
    if !arguments.quick && arguments.local.is_none() {
        report.write(root)?;
    }
    Ok(())
}
