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

/// Every ratio whose contestants were measured.
pub fn ratios(figures: &[Figures], secure: &[Secure], hashes: Option<Hashes>) -> Vec<Ratio> {
    let of = |name: &str| figures.iter().find(|figures| figures.name == name);
    let functions = || figures.iter().filter(|figures| !figures.is_baseline);
    let endpoints = || functions().filter(|figures| !figures.is_consumer);
    let cold = |name: &str| of(name).map(|figures| figures.measured.cold.median);
    let cpu = |name: &str| of(name).map(|figures| figures.measured.cpu.median);
    let mut ratios = Vec::new();
    let mut add = |name, worst: Option<(String, f64)>, goal, is_minimum, unit| {
        if let Some((worst, value)) = worst {
            ratios.push(Ratio {
                name,
                worst,
                value,
                goal,
                is_minimum,
                unit,
            });
        }
    };
    let slowest = || highest(endpoints().map(|one| (one, one.measured.cold.median)));
    let divided = |other: Option<f64>| {
        let (name, slowest) = slowest()?;
        Some((name, other? / slowest))
    };
    // Before the early read, which `hello` has none of.
    let start = |name: &str| of(name).map(|figures| figures.measured.start.median);
    let times = highest(endpoints().map(|one| (one, one.measured.start.median)))
        .zip(start("hello"))
        .map(|((name, slowest), hello)| (name, slowest / hello));
    add("start of an API function / hello", times, 1.5, false, "");
    add(
        "cold start of Python / an API function",
        divided(cold("python")),
        80.0,
        true,
        "",
    );
    add(
        "cold start of Node / an API function",
        divided(cold("node")),
        50.0,
        true,
        "",
    );
    let over_tls = |name: &str| secure.iter().find(|one| one.name == name);
    let both = |name: &str| over_tls(name).map(|one| one.cold_and_first.median);
    for (name, label) in [
        (
            "python",
            "cold start and first call over TLS: Python / get_user",
        ),
        (
            "node",
            "cold start and first call over TLS: Node / get_user",
        ),
    ] {
        let times = both(name)
            .zip(both("get_user"))
            .map(|(other, ours)| ("get_user".to_owned(), other / ours));
        add(label, times, 15.0, true, "");
    }
    #[expect(clippy::cast_precision_loss, reason = "a few handshakes")]
    let handshakes =
        over_tls("get_user").map(|one| (one.name.clone(), one.handshakes_in_calls as f64));
    add("TLS handshakes in calls", handshakes, 0.0, false, "");
    let user = |other: Option<f64>, of_user: fn(f64, f64) -> f64| {
        Some(("get_user".to_owned(), of_user(other?, cpu("get_user")?)))
    };
    let inverse: fn(f64, f64) -> f64 = |other, user| other / user;
    add(
        "CPU of a warm GetItem in Python / get_user",
        user(cpu("python"), inverse),
        5.0,
        true,
        "",
    );
    add(
        "CPU of a warm GetItem in Node / get_user",
        user(cpu("node"), inverse),
        5.0,
        true,
        "",
    );
    let direct: fn(f64, f64) -> f64 = |other, user| user / other;
    add(
        "CPU of a warm get_user / getitem",
        user(cpu("getitem"), direct),
        1.25,
        false,
        "",
    );
    let hash = hashes.map(|hashes| (String::new(), hashes.ours.median / hashes.reference.median));
    add("Argon2id of this build / argon2-cffi", hash, 0.9, false, "");
    let memory = highest(endpoints().map(|one| {
        let hash = if one.hashes { ARGON2_MEBIBYTES } else { 0.0 };
        (one, one.measured.memory - hash)
    }));
    add(
        "peak memory of an API function, less Argon2's 19 MiB",
        memory,
        9.0,
        false,
        "MiB",
    );
    let size = highest(functions().map(|one| (one, one.megabytes().unwrap_or_default())));
    add("zipped binary", size, 2.5, false, "MB");
    ratios
}

fn highest<'a>(values: impl Iterator<Item = (&'a Figures, f64)>) -> Option<(String, f64)> {
    let highest = values.max_by(|(_, one), (_, other)| one.total_cmp(other));
    highest.map(|(figures, value)| (figures.name.clone(), value))
}
