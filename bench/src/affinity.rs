//! Two cores: one for the harness, one for the process that is measured.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Result;

/// The cores of a run.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The core of the harness.
    pub harness: usize,
    /// The core of every measured process.
    pub measured: usize,
}

impl Cores {
    /// Selects the last two cores that this process may use.
    pub fn select() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU)
            .rev()
            .filter(|core| allowed.is_set(*core));
        match (cores.next(), cores.next()) {
            (Some(measured), Some(harness)) => Ok(Self { harness, measured }),
            _ => Err("a measurement needs two cores".into()),
        }
    }
}

/// Restricts the calling thread, and the threads and processes that it starts, to one core.
pub fn pin_this_thread(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}
