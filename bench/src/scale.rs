//! Growth: `get_user` with more and more users in the tables, and a simulation of DynamoDB's partitions under 100 million
//! users. Writes `bench/results/scale.json` and the tables of `docs/scale.md`.

mod figures;
mod measured;
mod mixes;
mod partitions;
mod traffic;

use std::path::{Path, PathBuf};

use clap::Args;
use local::template::Template;
use shared::domain::settings::{Limits, Settings};

use crate::{Result, affinity, affinity::Cores, conditions::Conditions, products, setup};

use self::{figures::Report, measured::Effort};

/// Measures `get_user` with many users, and simulates DynamoDB's partitions
#[derive(Args)]
pub struct Arguments {
    /// The largest number of users
    #[arg(long, default_value_t = 1_000_000)]
    users: usize,
    /// Takes few samples, and writes no file
    #[arg(long)]
    quick: bool,
    /// Only simulates; the result depends on the code only
    #[arg(long)]
    simulate: bool,
    /// Measures this binary of the development server, which was built before
    #[arg(long, value_name = "FILE")]
    local: Option<PathBuf>,
}

/// The numbers of users that are measured.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Simulates, measures, and prints the tables.
pub fn run(arguments: &Arguments, root: &Path, command: String) -> Result<()> {
    let simulation = figures::simulate(&limits(root)?)?;
    println!("{simulation}");
    if !arguments.quick {
        figures::write(root, "simulation", &simulation)?;
    }
    if arguments.simulate {
        return Ok(());
    }
    let cores = Cores::select()?;
    let local = match &arguments.local {
        Some(file) => std::path::absolute(file)?,
        None => products::build_local(root)?,
    };
    let conditions = Conditions::new(root, command, vec![setup::compiler()])?;
    affinity::pin_this_thread(cores.harness)?;
    let effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let smaller = SIZES.into_iter().filter(|size| *size < arguments.users);
    let mut servers = Vec::new();
    for size in smaller.chain([arguments.users]) {
        let folder = format!("scale_{size}");
        let product = products::latchkey(root, "scale", &folder, &local, None)?;
        servers.push((product, size));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sizes = runtime.block_on(measured::measure(&servers, effort, cores.measured))?;
    let report = Report { conditions, sizes };
    println!("{}", report.table()?);
    if !arguments.quick && arguments.local.is_none() {
        report.write(root)?;
    }
    Ok(())
}

/// The limits of `template.yaml`'s defaults.
fn limits(root: &Path) -> Result<Limits> {
    let template =
        Template::read(&root.join("template.yaml")).map_err(|error| error.to_string())?;
    let function = template
        .functions
        .iter()
        .find(|function| function.binary == "log_in");
    let environment = &function.ok_or("no log_in")?.environment;
    let settings = Settings::read(&|name| environment.get(name).cloned());
    Ok(settings.map_err(|error| error.to_string())?.limits)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// The limits of the template, which takes a while to read.
    pub(super) static LIMITS: LazyLock<Limits> =
        LazyLock::new(|| limits(&crate::setup::root()).expect("limits"));

    #[test]
    fn the_limits_are_those_of_the_template() {
        let by_source = LIMITS.by_source.as_ref().expect("limits by source");
        assert_eq!((LIMITS.wrong_passwords, by_source.resets), (5, 30));
    }
}
