//! Argon2id of the release build beside the reference implementation in C: each in processes of its own, in turn.

use std::{hint::black_box, path::Path, process::Command, thread, time::Instant};

use serde::Serialize;
use shared::domain::password::{Hasher, Params, Password};

use crate::{Result, affinity, setup, statistics::Summary};

/// Milliseconds of one hash with m=19456, t=2 and p=1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Hashes {
    /// This project's.
    pub ours: Summary,
    /// argon2-cffi's.
    pub reference: Summary,
}

/// The hashes of one process. The first is dropped: it allocates the memory.
const HASHES: usize = 11;

/// Prints the nanoseconds of each of `count` hashes.
pub fn print_times(count: usize) -> Result<()> {
    let hasher = Hasher::new(Params::OWASP);
    let password =
        Password::parse("correct horse battery staple").map_err(|_| "invalid password")?;
    for _ in 0..count {
        let started = Instant::now();
        hasher.verify_dummy(black_box(&password));
        println!("{}", started.elapsed().as_nanos());
    }
    Ok(())
}

/// Measures both in `rounds` processes each.
pub fn measure(root: &Path, rounds: usize, core: usize) -> Result<Hashes> {
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    let count = HASHES.to_string();
    for _ in 0..rounds {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--print-hash-times", &count]);
        ours.extend(times(command, core)?);
        let mut command = Command::new(setup::python(root));
        command
            .arg(root.join("bench/baselines/python/hash.py"))
            .arg(&count);
        reference.extend(times(command, core)?);
    }
    Ok(Hashes {
        ours: Summary::of(&ours),
        reference: Summary::of(&reference),
    })
}

fn times(mut command: Command, core: usize) -> Result<Vec<f64>> {
    let output = thread::spawn(move || -> Result<_> {
        affinity::pin_this_thread(core)?;
        Ok(command.output()?)
    })
    .join()
    .map_err(|_| "the thread that starts processes panicked")??;
    let text = String::from_utf8(output.stdout)?;
    let mut times = Vec::new();
    for line in text.lines().skip(1) {
        times.push(line.parse::<f64>()? / 1e6);
    }
    if times.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(times)
}
