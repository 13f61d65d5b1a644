//! Compares a quick run with the recorded one: sizes, units, and ratios to `hello`, which was measured in the same minutes.

use std::{fmt, fs, path::Path};

use serde_json::Value;

use crate::Result;

/// A property that is worse than recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// The function and the property.
    pub what: String,
    old: f64,
    new: f64,
}

impl fmt::Display for Regression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, old, new } = self;
        write!(formatter, "{what}: {old:.2} before, {new:.2} now")
    }
}

/// What a function may be worse by before the check fails.
const TOLERANCE: f64 = 0.15;

/// A property of a function that may not get worse.
struct Property {
    name: &'static str,
    /// The value in the report, from the function and from `hello`.
    of: fn(&Value, &Value) -> Option<f64>,
}

/// The minimum of many samples is what other programs on the machine disturb least.
const PROPERTIES: [Property; 5] = [
    Property {
        name: "bytes zipped",
        of: |function, _| function["zipped"].as_f64(),
    },
    Property {
        name: "read units",
        of: |function, _| function["read_units"].as_f64(),
    },
    Property {
        name: "write units",
        of: |function, _| function["write_units"].as_f64(),
    },
    Property {
        name: "start / hello",
        of: |function, hello| ratio(function, hello, "/measured/start/minimum"),
    },
    Property {
        name: "CPU of a call / hello",
        of: |function, hello| ratio(function, hello, "/measured/cpu/minimum"),
    },
];

fn ratio(function: &Value, hello: &Value, pointer: &str) -> Option<f64> {
    Some(function.pointer(pointer)?.as_f64()? / hello.pointer(pointer)?.as_f64()?)
}

/// The recorded report.
pub fn recorded(root: &Path) -> Result<Value> {
    let text = fs::read_to_string(root.join("bench/results/performance.json"))?;
    Ok(serde_json::from_str(&text)?)
}

/// The time of a hash, as a multiple of the reference's.
fn hash(report: &Value) -> Option<f64> {
    let minimum = |whose: &str| {
        report
            .pointer(&format!("/hashes/{whose}/minimum"))?
            .as_f64()
    };
    Some(minimum("ours")? / minimum("reference")?)
}

/// Every property of a function that is worse in `measured` than in `recorded`, by more than the tolerance.
///
/// # Errors
/// A function was not recorded, or nothing was measured.
pub fn regressions(recorded: &Value, measured: &Value) -> Result<Vec<Regression>> {
    let (old_hello, new_hello) = (
        contestant(recorded, "hello")?,
        contestant(measured, "hello")?,
    );
    let (Some(old), Some(new)) = (hash(recorded), hash(measured)) else {
        return Err("a report has no hashes".into());
    };
    let mut found = Vec::new();
    let mut compare = |what: String, old: f64, new: f64| {
        if new > old * (1.0 + TOLERANCE) {
            found.push(Regression { what, old, new });
        }
    };
    compare("Argon2id / the reference".to_owned(), old, new);
    let mut compared = 0;
    let contestants = measured["contestants"].as_array().into_iter().flatten();
    for function in contestants.filter(|one| one["is_baseline"] == false) {
        let name = function["name"].as_str().unwrap_or_default();
        let before = contestant(recorded, name)?;
        for property in PROPERTIES {
            let values = (property.of)(before, old_hello).zip((property.of)(function, new_hello));
            let (old, new) = values.ok_or_else(|| format!("{name} has no {}", property.name))?;
            compared += 1;
            compare(format!("{name}: {}", property.name), old, new);
        }
    }
    if compared == 0 {
        return Err("no function was measured".into());
    }
    Ok(found)
}

fn contestant<'a>(report: &'a Value, name: &str) -> Result<&'a Value> {
    let all = report["contestants"].as_array().into_iter().flatten();
    all.into_iter()
        .find(|one| one["name"] == name)
        .ok_or_else(|| format!("{name} was not measured").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report_with_hash(zipped: f64, cpu: f64, hello: f64, hash: f64) -> Value {
        let contestant = |name: &str, is_baseline: bool, cpu: f64| {
            json!({
                "name": name, "is_baseline": is_baseline, "zipped": zipped, "read_units": 0.5, "write_units": 0,
                "measured": { "start": { "minimum": 2.0 }, "cpu": { "minimum": cpu } },
            })
        };
        let contestants = [
            contestant("hello", true, hello),
            contestant("get_user", false, cpu),
        ];
        let hashes = json!({ "ours": { "minimum": hash }, "reference": { "minimum": 25.0 } });
        json!({ "contestants": contestants, "hashes": hashes })
    }

    fn report(zipped: f64, cpu: f64, hello: f64) -> Value {
        report_with_hash(zipped, cpu, hello, 20.0)
    }

    fn texts(recorded: &Value, measured: &Value) -> Vec<String> {
        let found = regressions(recorded, measured).expect("reports");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_slower_machine_is_no_regression() {
        let (recorded, measured) = (report(3e6, 500.0, 100.0), report(3e6, 1000.0, 200.0));
        assert!(texts(&recorded, &measured).is_empty());
    }

    #[test]
    fn more_of_anything_is_a_regression() {
        let recorded = report(3e6, 500.0, 100.0);
        let larger = texts(&recorded, &report(3.5e6, 500.0, 100.0));
        assert_eq!(
            larger,
            ["get_user: bytes zipped: 3000000.00 before, 3500000.00 now"]
        );
        let slower = texts(&recorded, &report(3e6, 580.0, 100.0));
        assert_eq!(
            slower,
            ["get_user: CPU of a call / hello: 5.00 before, 5.80 now"]
        );
        let slow_hash = report_with_hash(3e6, 500.0, 100.0, 40.0);
        let slow_hash = texts(&recorded, &slow_hash);
        assert_eq!(
            slow_hash,
            ["Argon2id / the reference: 0.80 before, 1.60 now"]
        );
    }

    #[test]
    fn a_report_without_functions_is_an_error() {
        let recorded = report(3e6, 500.0, 100.0);
        let mut empty = recorded.clone();
        empty["contestants"] = json!([]);
        assert!(regressions(&recorded, &empty).is_err());
    }
}
