//! Load: the request rate at the development server rises, endpoint by endpoint, until the server falls behind. With `--soak`,
//! half of the highest rates for a while, and the memory meanwhile. Writes `bench/results/load.json` and `docs/load.md`.

mod climb;
mod document;
mod endpoint;
mod oha;
mod processor;
mod results;
mod server;
mod soak;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Args, value_parser};

use crate::{
    Result,
    conditions::Conditions,
    products::{self, Product},
    setup,
};

use self::{endpoint::Endpoint, oha::Oha, results::Results};

/// Raises the request rate at the development server until it falls behind
#[derive(Args)]
pub struct Arguments {
    /// The length of a step
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    step: f64,
    /// The most steps of one endpoint
    #[arg(long, value_name = "STEPS", default_value_t = 40, value_parser = value_parser!(u32).range(1..))]
    most: u32,
    /// Sends half of the highest rates that are recorded, and records the memory
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    soak: Option<f64>,
    /// Measures this binary of the development server, which was built before, and writes no file
    #[arg(long, value_name = "FILE")]
    local: Option<PathBuf>,
    /// Only writes the document anew, from the recorded results
    #[arg(long, conflicts_with_all = ["local", "soak"])]
    document: bool,
}

/// Installs the client, measures, and prints each step.
pub fn run(arguments: &Arguments, root: &Path, command: String) -> Result<()> {
    if arguments.document {
        return Results::read(root)?.write_document(root);
    }
    let recorded = match arguments.soak {
        Some(seconds) => Some((seconds, recorded(root)?)),
        None => None,
    };
    let versions = vec![setup::compiler(), oha::version()];
    let conditions = Conditions::new(root, command, versions)?;
    let oha = Oha::install(root)?;
    let local = match &arguments.local {
        Some(file) => std::path::absolute(file)?,
        None => products::build_local(root)?,
    };
    let product = products::latchkey(root, "load", "load", &local, None)?;
    let measuring = async {
        match recorded {
            Some((seconds, mut results)) => {
                let soak = soak::soak(&product, &oha, &results, seconds, conditions).await?;
                println!("{}", document::soak(&soak)?);
                results.soak = Some(soak);
                Ok(results)
            }
            None => rise(&product, &oha, arguments, conditions).await,
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let results = runtime.block_on(async {
        // An interrupted measurement is dropped, which stops the processes.
        tokio::select! {
            results = measuring => results,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        }
    })?;
    if arguments.local.is_none() {
        results.write(root)?;
    }
    Ok(())
}

/// The recorded results, which must have a highest rate of each endpoint.
fn recorded(root: &Path) -> Result<Results> {
    let results = Results::read(root)?;
    let rate = |endpoint| results.highest_rates.get(endpoint).copied();
    let mut rates = Endpoint::ALL.iter().map(rate);
    if rates.any(|rate| rate.unwrap_or_default() <= 0.0) {
        return Err("measure the highest rates first, without --soak".into());
    }
    Ok(results)
}

/// Raises the rate of each endpoint.
async fn rise(
    product: &Product,
    oha: &Oha,
    arguments: &Arguments,
    conditions: Conditions,
) -> Result<Results> {
    let (mut steps, mut highest_rates) = (BTreeMap::new(), BTreeMap::new());
    for endpoint in Endpoint::ALL {
        let found = climb::climb(endpoint, product, oha, arguments.step, arguments.most).await?;
        highest_rates.insert(endpoint, climb::highest_rate(&found));
        steps.insert(endpoint, found);
    }
    Ok(Results {
        conditions,
        seconds: arguments.step,
        p99_bound: climb::P99_BOUND,
        achieved_bound: climb::ACHIEVED_BOUND,
        connections: oha::CONNECTIONS,
        users: climb::USERS,
        steps,
        highest_rates,
        soak: None,
    })
}

/// A time in seconds, which is positive.
fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(seconds) if f64::is_finite(seconds) && seconds > 0.0 => Ok(seconds),
        _ => Err("not a positive number of seconds".to_owned()),
    }
}

/// The least number of requests that takes `seconds` at `rate`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are positive, and a larger product than 2^64 would take forever"
)]
fn requests(rate: f64, seconds: f64) -> usize {
    (rate * seconds).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_positive() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "inf", "NaN", "ten"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_request_is_a_request() {
        assert_eq!((requests(10.0, 0.25), requests(200.0, 4.0)), (3, 800));
    }
}
