//! Measures one password hash as the deployed functions compute it: Argon2id with OWASP's parameters, in memory that is
//! reused. Prints the median of the given number of runs in milliseconds, one line.
//!
//! `cargo run --release -p shared --example hash_time -- 20`

use std::time::Instant;

use shared::domain::password::{Hash, Hasher, Params, Password};

/// OWASP's parameters (m=19456, t=2, p=1), a fixed salt and an arbitrary output.
const STORED: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[expect(
    clippy::disallowed_methods,
    reason = "the wall clock is what this program measures"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs: usize = std::env::args().nth(1).unwrap_or_default().parse()?;
    let hasher = Hasher::new(Params::OWASP);
    let password = Password::parse("correct horse battery staple")?;
    let stored = Hash::from_stored(STORED.to_owned());
    hasher.verify(&password, &stored)?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        hasher.verify(&password, &stored)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    println!("{:.3}", times.get(times.len() / 2).ok_or("no run")?);
    Ok(())
}
