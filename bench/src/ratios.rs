//! The goals: ratios of figures of one run, since absolute times differ between machines and minutes.

use serde::Serialize;

use crate::{argon2::Hashes, report::Figures, secure::Secure};

/// A goal and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What is compared.
    pub name: &'static str,
    /// The contestant with the worst value, where several were measured.
    pub worst: String,
    /// The measured value.
    pub value: f64,
    /// The value to reach.
    pub goal: f64,
    /// True if the value must be at least the goal, false if at most.
    pub is_minimum: bool,
    /// The unit; empty for a ratio.
    pub unit: &'static str,
}

impl Ratio {
    /// True if the goal is reached.
    pub fn is_reached(&self) -> bool {
        if self.is_minimum {
            self.value >= self.goal
        } else {
            self.value <= self.goal
        }
    }
}

/// Argon2's memory in MiB, which a function that hashes needs besides.
const ARGON2_MEBIBYTES: f64 = 19.0;

/// A relation of a value to its goal.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Every ratio whose contestants were measured.
pub fn ratios(figures: &[Figures], secure: &[Secure], hashes: Option<Hashes>) -> Vec<Ratio> {
    let mut ratios = starts(figures);
    ratios.extend(over_tls(secure));
    ratios.extend(processor_times(figures));
    ratios.extend(hashes.iter().flat_map(|hashes| hash_times(figures, hashes)));
    ratios.extend(sizes(figures));
    ratios
}

fn starts(figures: &[Figures]) -> Vec<Ratio> {
    // Before the early read, which `hello` has none of.
    let start = |one: &Figures| one.measured.start.median;
    let cold = |one: &Figures| one.measured.cold.median;
    let slowest = |of: fn(&Figures) -> f64| highest(endpoints(figures).map(|one| (one, of(one))));
    let over_hello = slowest(start)
        .zip(find(figures, "hello"))
        .map(|((name, value), hello)| (name, value / start(hello)));
    let below = |other: &str| {
        let (name, value) = slowest(cold)?;
        Some((name, cold(find(figures, other)?) / value))
    };
    [
        ratio(
            "start of an API function / hello",
            over_hello,
            Bound::AtMost(1.5),
            "",
        ),
        ratio(
            "cold start of Python / an API function",
            below("python"),
            Bound::AtLeast(80.0),
            "",
        ),
        ratio(
            "cold start of Node / an API function",
            below("node"),
            Bound::AtLeast(50.0),
            "",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few handshakes")]
fn over_tls(secure: &[Secure]) -> Vec<Ratio> {
    let of = |name: &str| secure.iter().find(|one| one.name == name);
    let times = |other: &str| {
        let (other, ours) = (of(other)?, of("get_user")?);
        let value = other.cold_and_first.median / ours.cold_and_first.median;
        Some((ours.name.clone(), value))
    };
    let handshakes = of("get_user").map(|one| (one.name.clone(), one.handshakes_in_calls as f64));
    [
        ratio(
            "cold start and first call over TLS: Python / get_user",
            times("python"),
            Bound::AtLeast(15.0),
            "",
        ),
        ratio(
            "cold start and first call over TLS: Node / get_user",
            times("node"),
            Bound::AtLeast(15.0),
            "",
        ),
        ratio(
            "TLS handshakes in calls",
            handshakes,
            Bound::AtMost(0.0),
            "",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn processor_times(figures: &[Figures]) -> Vec<Ratio> {
    let cpu = |name: &str| find(figures, name).map(|one| one.measured.cpu.median);
    let divided = |one: &str, other: &str| Some(("get_user".to_owned(), cpu(one)? / cpu(other)?));
    [
        ratio(
            "CPU of a warm GetItem in Python / get_user",
            divided("python", "get_user"),
            Bound::AtLeast(5.0),
            "",
        ),
        ratio(
            "CPU of a warm GetItem in Node / get_user",
            divided("node", "get_user"),
            Bound::AtLeast(5.0),
            "",
        ),
        ratio(
            "CPU of a warm get_user / getitem",
            divided("get_user", "getitem"),
            Bound::AtMost(1.25),
            "",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a log-in takes besides a hash and its requests to DynamoDB, which take what a bare `GetItem` takes. The hash is that of a contestant
/// of the same rounds: by itself, in another minute, it varies by a third.
fn hash_times(figures: &[Figures], hashes: &Hashes) -> Vec<Ratio> {
    let warm = |name: &str| find(figures, name).map(|one| one.measured.warm.median);
    let log_in = || {
        let function = find(figures, "log_in")?;
        let hello = warm("hello")?;
        let request = warm("getitem")? - hello;
        let bare = warm("hash")? - hello + function.dynamodb_calls * request;
        Some((function.name.clone(), function.measured.warm.median / bare))
    };
    let hash = hashes.ours.median / hashes.reference.median;
    [
        ratio(
            "log-in / bare Argon2id and requests",
            log_in(),
            Bound::AtMost(1.05),
            "",
        ),
        ratio(
            "Argon2id of this build / argon2-cffi",
            Some((String::new(), hash)),
            Bound::AtMost(0.9),
            "",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn sizes(figures: &[Figures]) -> Vec<Ratio> {
    let memory = highest(endpoints(figures).map(|one| {
        let hash = if one.hashes { ARGON2_MEBIBYTES } else { 0.0 };
        (one, one.measured.memory - hash)
    }));
    let functions = figures.iter().filter(|one| !one.is_baseline);
    let size = highest(functions.map(|one| (one, one.megabytes().unwrap_or_default())));
    [
        ratio(
            "peak memory of an API function, less Argon2's 19 MiB",
            memory,
            Bound::AtMost(9.0),
            "MiB",
        ),
        ratio("zipped binary", size, Bound::AtMost(2.5), "MB"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A ratio, if its contestants were measured.
fn ratio(
    name: &'static str,
    measured: Option<(String, f64)>,
    bound: Bound,
    unit: &'static str,
) -> Option<Ratio> {
    let (worst, value) = measured?;
    let (goal, is_minimum) = match bound {
        Bound::AtLeast(goal) => (goal, true),
        Bound::AtMost(goal) => (goal, false),
    };
    Some(Ratio {
        name,
        worst,
        value,
        goal,
        is_minimum,
        unit,
    })
}

fn find<'a>(figures: &'a [Figures], name: &str) -> Option<&'a Figures> {
    figures.iter().find(|one| one.name == name)
}

/// The functions with a caller that waits.
fn endpoints(figures: &[Figures]) -> impl Iterator<Item = &Figures> {
    figures
        .iter()
        .filter(|one| !one.is_baseline && !one.is_consumer)
}

fn highest<'a>(values: impl Iterator<Item = (&'a Figures, f64)>) -> Option<(String, f64)> {
    let highest = values.max_by(|(_, one), (_, other)| one.total_cmp(other));
    highest.map(|(figures, value)| (figures.name.clone(), value))
}
