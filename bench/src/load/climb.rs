//! A rate that rises until it is not sustained.

use crate::{
    Result,
    products::{Account, Product},
};

use super::{
    document,
    endpoint::Endpoint,
    oha::{Oha, Plan},
    processor, requests,
    results::{Measured, Step},
    server::Subject,
};

/// The factor between the rates of two steps.
const GROWTH: f64 = 1.25;
/// The time in which 99 % of the responses must come, in seconds.
pub const P99_BOUND: f64 = 0.25;
/// The share of the rate that must be achieved.
pub const ACHIEVED_BOUND: f64 = 0.95;
/// The users that log in.
pub const USERS: usize = 500;

/// Raises the rate of an endpoint until it is not sustained, in at most `most` steps of `seconds`. Prints each.
pub async fn climb(
    endpoint: Endpoint,
    product: &Product,
    oha: &Oha,
    seconds: f64,
    most: u32,
) -> Result<Vec<Step>> {
    let mut subject = Subject::start(product).await?;
    let users = subject.add_users(USERS).await?;
    let (mut steps, mut rate) = (Vec::new(), endpoint.initial_rate());
    for _ in 0..most {
        let step = step(endpoint, &mut subject, &users, oha, rate, seconds).await?;
        println!("{endpoint} {}", document::line(&step));
        let is_last = !step.sustained;
        steps.push(step);
        if is_last {
            break;
        }
        rate = (rate * GROWTH).ceil();
    }
    Ok(steps)
}

async fn step(
    endpoint: Endpoint,
    subject: &mut Subject,
    users: &[Account],
    oha: &Oha,
    rate: f64,
    seconds: f64,
) -> Result<Step> {
    let requests = requests(rate, seconds);
    let (calls, links) = if endpoint == Endpoint::ResetPassword {
        // The client selects them at random: with three new users for each request, about 85 % are a user's first.
        let users = subject.add_users(3 * requests).await?;
        let links = subject.count_links().await?;
        (endpoint.calls(&subject.reader, &users), Some(links))
    } else {
        (endpoint.calls(&subject.reader, users), None)
    };
    let plan = Plan {
        name: endpoint.to_string(),
        address: subject.address(),
        calls,
        rate,
        requests,
    };
    let (server, client) = (subject.processor_time()?, processor::time_of_children()?);
    let measured = oha.start(&plan)?.finish().await?;
    Ok(Step {
        server_cpu: subject.processor_time()? - server,
        client_cpu: processor::time_of_children()? - client,
        memory: subject.memory()?,
        mails: match links {
            Some(links) => Some(subject.count_links().await?.saturating_sub(links)),
            None => None,
        },
        sustained: is_sustained(&measured),
        measured,
    })
}

/// True if every response was a 200 and came in time.
fn is_sustained(measured: &Measured) -> bool {
    measured.errors.is_empty()
        && measured.statuses.keys().all(|status| status == "200")
        && measured.p99 <= P99_BOUND
        && measured.achieved >= ACHIEVED_BOUND * measured.rate
}

/// The highest sustained rate, in requests a second; 0 if there is none.
pub fn highest_rate(steps: &[Step]) -> f64 {
    let sustained = steps.iter().filter(|step| step.sustained);
    sustained.fold(0.0, |highest, step| step.measured.rate.max(highest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn measured(rate: f64, achieved: f64, p99: f64) -> Measured {
        Measured {
            rate,
            achieved,
            requests: 100,
            p50: 0.001,
            p95: 0.002,
            p99,
            max: p99,
            statuses: BTreeMap::from([("200".to_owned(), 100)]),
            errors: BTreeMap::new(),
        }
    }

    fn step(rate: f64, p99: f64) -> Step {
        let measured = measured(rate, rate, p99);
        Step {
            server_cpu: 1.0,
            client_cpu: 0.1,
            memory: 1024.0,
            mails: None,
            sustained: is_sustained(&measured),
            measured,
        }
    }

    #[test]
    fn a_rate_is_sustained_within_both_bounds() {
        assert!(is_sustained(&measured(100.0, 95.0, 0.25)));
        assert!(!is_sustained(&measured(100.0, 94.9, 0.25)));
        assert!(!is_sustained(&measured(100.0, 95.0, 0.251)));
    }

    #[test]
    fn a_rate_with_a_failure_is_not_sustained() {
        let mut failed = measured(100.0, 100.0, 0.01);
        failed.statuses.insert("503".to_owned(), 1);
        assert!(!is_sustained(&failed));
        let mut failed = measured(100.0, 100.0, 0.01);
        failed.errors.insert("timeout".to_owned(), 1);
        assert!(!is_sustained(&failed));
    }

    #[test]
    fn the_highest_rate_is_a_sustained_one() {
        let steps = [step(200.0, 0.01), step(250.0, 0.2), step(313.0, 0.3)];
        assert_eq!(highest_rate(&steps).to_string(), "250");
        assert_eq!(highest_rate(&steps[2..]).to_string(), "0");
    }
}
