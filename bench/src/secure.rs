//! Starts and first calls over TLS, and the number of handshakes: a function opens its connection before the first event,
//! so that a call needs none.

use serde::Serialize;

use crate::{
    Result,
    affinity::Cores,
    contestant::Contestant,
    measure::{Effort, call},
    process::Process,
    statistics::Summary,
};

/// The measurements of one contestant over TLS.
#[derive(Clone, Debug, Serialize)]
pub struct Secure {
    /// The contestant.
    pub name: String,
    /// Milliseconds of the start and the first call together.
    pub cold_and_first: Summary,
    /// The largest number of handshakes before the first event.
    pub handshakes_before: usize,
    /// The largest number of handshakes in the first call and those after it.
    pub handshakes_in_calls: usize,
}

/// Those that are measured over TLS: they read one user.
pub const CONTESTANTS: [&str; 4] = ["get_user", "getitem", "node", "python"];

/// The calls after each start.
const CALLS: u64 = 20;

/// Measures `contestants`, whose services answer over TLS.
pub async fn measure(
    contestants: &[Contestant],
    effort: Effort,
    cores: Cores,
) -> Result<Vec<Secure>> {
    let mut measured: Vec<(Vec<f64>, usize, usize)> = vec![Default::default(); contestants.len()];
    for round in 0..effort.starts {
        eprintln!("start {} of {} over TLS", round + 1, effort.starts);
        for (contestant, (times, before, in_calls)) in contestants.iter().zip(&mut measured) {
            contestant.backend.begin_call();
            contestant.backend.take_handshakes();
            let (process, start) = Process::start(&contestant.program, cores.measured).await?;
            *before = contestant.backend.take_handshakes().max(*before);
            let first = call(contestant, &process, 0).await?;
            times.push((start.cold + first).as_secs_f64() * 1e3);
            for number in 1..CALLS {
                call(contestant, &process, number).await?;
            }
            *in_calls = contestant.backend.take_handshakes().max(*in_calls);
        }
    }
    let all = contestants.iter().zip(measured);
    Ok(all
        .map(|(contestant, (times, before, in_calls))| Secure {
            name: contestant.name.clone(),
            cold_and_first: Summary::of(&times),
            handshakes_before: before,
            handshakes_in_calls: in_calls,
        })
        .collect())
}
