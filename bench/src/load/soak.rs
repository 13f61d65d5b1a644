//! All endpoints at once for a while, and the memory meanwhile.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    Result,
    conditions::Conditions,
    products::{Account, Product},
};

use super::{
    document,
    endpoint::Endpoint,
    oha::{Oha, Plan},
    requests,
    results::{Results, Soak, Trend},
    server::Subject,
};

/// The users: few enough that the warm-up gives all of them the ten sessions that a user can have.
const USERS: usize = 100;
/// Log-ins of each user in the warm-up. It overloads the server, so that the number of concurrent hashes, 19 MiB each, reaches its
/// maximum.
const WARM_UP: usize = 25;
/// The time between two samples of the memory.
const SAMPLE: Duration = Duration::from_secs(5);

/// Sends each endpoint a sixth of its highest rate for `seconds`: together about half of the server's capacity.
pub async fn soak(
    product: &Product,
    oha: &Oha,
    recorded: &Results,
    seconds: f64,
    conditions: Conditions,
) -> Result<Soak> {
    let mut subject = Subject::start(product).await?;
    let users = subject.add_users(USERS).await?;
    warm_up(oha, recorded, &subject, &users).await?;
    let (before, start) = (subject.processor_time()?, Instant::now());
    let mut clients = Vec::new();
    for (endpoint, highest) in &recorded.highest_rates {
        let rate = highest / 6.0;
        let plan = Plan {
            name: endpoint.to_string(),
            address: subject.address(),
            calls: endpoint.calls(&subject.reader, &users),
            rate,
            requests: requests(rate, seconds),
        };
        clients.push((*endpoint, oha.start(&plan)?));
    }
    let mut memory = Vec::new();
    loop {
        let mut is_running = false;
        for (_, client) in &mut clients {
            is_running |= client.is_running()?;
        }
        if !is_running {
            break;
        }
        // The mailbox keeps ten thousand mails by design, which would look like a leak.
        subject.delete_mails().await?;
        let elapsed = (start.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        memory.push((elapsed, subject.memory()?));
        tokio::time::sleep(SAMPLE).await;
    }
    let mut rows = BTreeMap::new();
    for (endpoint, client) in clients {
        rows.insert(endpoint, client.finish().await?);
    }
    Ok(Soak {
        conditions,
        users: USERS,
        seconds,
        rows,
        server_cpu: subject.processor_time()? - before,
        trend: trend(&memory)?,
        memory,
    })
}

/// Logs all users in, many times and three times as fast as the server can.
async fn warm_up(
    oha: &Oha,
    recorded: &Results,
    subject: &Subject,
    users: &[Account],
) -> Result<()> {
    let endpoint = Endpoint::LogIn;
    let highest = recorded.highest_rates.get(&endpoint).ok_or("no rate")?;
    let plan = Plan {
        name: "warm_up".to_owned(),
        address: subject.address(),
        calls: endpoint.calls(&subject.reader, users),
        rate: 3.0 * highest,
        requests: WARM_UP * users.len(),
    };
    let measured = oha.start(&plan)?.finish().await?;
    println!("warm-up: {}", document::responses(&measured));
    Ok(())
}

/// Fits a line to the samples in the second half, and compares its rise with their distance from it. An error if there is none.
#[expect(
    clippy::cast_precision_loss,
    reason = "there are far fewer than 2^52 samples"
)]
fn trend(samples: &[(f64, f64)]) -> Result<Trend> {
    let (last, _) = samples.last().ok_or("no sample of the memory")?;
    let half = samples.iter().filter(|(time, _)| *time >= last / 2.0);
    let half: Vec<_> = half.copied().collect();
    let (first, _) = half.first().ok_or("no sample of the memory")?;
    let count = half.len() as f64;
    let mean_time = half.iter().map(|(time, _)| time).sum::<f64>() / count;
    let mean = half.iter().map(|(_, size)| size).sum::<f64>() / count;
    let (mut spread, mut common) = (0.0, 0.0);
    for (time, size) in &half {
        spread += (time - mean_time).powi(2);
        common += (time - mean_time) * (size - mean);
    }
    // All times are equal if there is one sample only, which has no slope.
    let slope = if spread > 0.0 { common / spread } else { 0.0 };
    let rest = |(time, size): &(f64, f64)| (size - mean - slope * (time - mean_time)).powi(2);
    let noise = (half.iter().map(rest).sum::<f64>() / count).sqrt();
    let drift = slope * (last - first);
    Ok(Trend {
        mean,
        drift,
        noise,
        flat: drift.abs() <= f64::max(2.0 * noise, 0.01 * mean),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample every five seconds.
    fn samples(size: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let times = (0..41).map(|number| f64::from(number) * 5.0);
        times.map(|time| (time, size(time))).collect()
    }

    #[test]
    fn a_rise_in_the_first_half_is_no_drift() {
        let trend = trend(&samples(|time| 1000.0 * time.min(100.0))).expect("a trend");
        assert!(trend.flat && trend.drift.abs() < 1e-6, "{trend:?}");
        assert!((trend.mean - 100_000.0).abs() < 1e-6, "{trend:?}");
    }

    #[test]
    fn a_steady_rise_is_not_flat() {
        let trend = trend(&samples(|time| 50_000.0 + 20.0 * time)).expect("a trend");
        assert!(!trend.flat && trend.noise < 1e-6, "{trend:?}");
        assert!((trend.drift - 2_000.0).abs() < 1e-6, "{trend:?}");
    }

    #[test]
    fn a_rise_within_the_noise_is_flat() {
        let jump = |time: f64| if time % 10.0 < 5.0 { 2_000.0 } else { -2_000.0 };
        let trend = trend(&samples(|time| 50_000.0 + 20.0 * time + jump(time)));
        let trend = trend.expect("a trend");
        assert!(trend.flat && trend.noise > 1_900.0, "{trend:?}");
        assert!(trend.drift > 0.01 * trend.mean, "{trend:?}");
    }

    #[test]
    fn one_sample_is_flat_and_none_an_error() {
        assert!(trend(&[(0.0, 50_000.0)]).expect("a trend").flat);
        assert!(trend(&[]).is_err());
    }
}
