//! The cost of reading a whole table.

use serde_json::{Value, json};

use super::TableInfo;
use crate::report::span;

/// Read units a second for a table without a limit. A new on-demand table takes 12,000.
const DEFAULT_READ_UNITS: u64 = 4_000;
/// Share of the table's limit on reads that the survey uses, in percent. The rest is for the functions.
const PERCENT: u64 = 25;
/// Price of a million read units in US dollars, in us-east-1 at the beginning of 2026.
const USD_PER_MILLION_UNITS: f64 = 0.125;

/// The cost of reading the whole table, from the figures that DynamoDB updates about every six hours.
pub(crate) struct Estimate {
    items: u64,
    bytes: u64,
    units: u64,
    units_per_second: u64,
}

impl Estimate {
    pub(crate) fn of(info: &TableInfo) -> Self {
        // A scan with eventually consistent reads consumes half a unit for each 4 KiB.
        let units = info.bytes.div_ceil(8 * 1024).max(1);
        let rate = info.max_read_units.unwrap_or(DEFAULT_READ_UNITS) * PERCENT / 100;
        Self {
            items: info.items,
            bytes: info.bytes,
            units,
            units_per_second: rate.max(1),
        }
    }

    /// The number of items in the table.
    pub(crate) const fn items(&self) -> u64 {
        self.items
    }

    /// The read units a second that a scan may use, so that the functions are not throttled.
    pub(crate) const fn units_per_second(&self) -> u64 {
        self.units_per_second
    }

    const fn seconds(&self) -> u64 {
        self.units.div_ceil(self.units_per_second)
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn usd(&self) -> f64 {
        self.units as f64 * USD_PER_MILLION_UNITS / 1e6
    }

    pub(crate) fn sentence(&self, table: &str) -> String {
        format!(
            "Reading {table} takes about {} read units ({:.4} USD in us-east-1) and {}: {} items, {} bytes.",
            self.units,
            self.usd(),
            span(self.seconds()),
            self.items,
            self.bytes
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"items": self.items, "bytes": self.bytes, "read_units": self.units, "seconds": self.seconds()})
    }
}
