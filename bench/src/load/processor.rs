//! Processor time of whole processes, with that of their threads that have ended.

use std::fs;

use crate::Result;

/// The field after the name in `/proc/PID/stat` with the process's own time in user mode; the next has that in the kernel.
const OWN: usize = 11;
/// The same of the children that have ended.
const CHILDREN: usize = 13;

/// The processor time of a process so far, in seconds.
pub fn time(process: u32) -> Result<f64> {
    seconds(&process.to_string(), OWN)
}

/// The processor time of all processes that this one started and that have ended, in seconds.
pub fn time_of_children() -> Result<f64> {
    seconds("self", CHILDREN)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^52 ticks are more than a million years"
)]
fn seconds(process: &str, field: usize) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat, field).ok_or("no processor time")?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The sum of the field and the next. The name before them may contain spaces.
fn ticks(stat: &str, field: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(field);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_follow_the_name() {
        let stat = "7 (a) 1 (b)) S 1 7 7 0 -1 4194304 500 0 2 0 40 3 200 10 20 0 9 0 99";
        assert_eq!(ticks(stat, OWN), Some(43));
        assert_eq!(ticks(stat, CHILDREN), Some(210));
        assert_eq!(ticks("7 (a) S 1", OWN), None);
    }

    #[test]
    fn the_kernel_knows_this_process() {
        assert!(time(std::process::id()).expect("a time") >= 0.0);
        assert!(time_of_children().expect("a time") >= 0.0);
    }
}
