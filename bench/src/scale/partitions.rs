//! DynamoDB's partitions: each has a range of the hashes of keys, a size and a throughput. A partition that is too large or too
//! hot is split in two, until it has a single key.

use std::collections::HashMap;

use shared::domain::digest::sha256_hex;

/// The read units a second of a partition (Amazon DynamoDB Developer Guide, "Best practices for designing and using partition
/// keys effectively").
pub const READS: f64 = 3_000.0;
/// The write units a second of a partition (ibidem).
pub const WRITES: f64 = 1_000.0;
/// The size of a partition in bytes ("Partitions and data distribution").
const BYTES: f64 = 10.0 * 1024.0 * 1024.0 * 1024.0;
/// The partitions of a new table on demand, which takes 12,000 reads and 4,000 writes ("DynamoDB on-demand capacity mode").
const INITIAL: usize = 4;

/// Units: whole ones of a key in the simulated time, or a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Read units.
    pub reads: f64,
    /// Write units.
    pub writes: f64,
}

/// The loads of the keys of one table.
#[derive(Debug)]
pub struct Table {
    seconds: f64,
    keys: HashMap<String, Load>,
}

/// How a table serves its load.
#[derive(Debug, PartialEq)]
pub struct Layout {
    /// The partitions before any is split for heat.
    pub initial: usize,
    /// The load of the hottest of these, as a share of what a partition takes.
    pub hottest: f64,
    /// The partitions after all splits.
    pub partitions: usize,
    /// The hottest key, and its load as a share of what a partition takes. Over 1, requests for it are throttled.
    pub hottest_key: Option<(String, f64)>,
}

impl Load {
    /// The share of what a partition takes: reads and writes use it up together.
    pub fn share(self) -> f64 {
        self.reads / READS + self.writes / WRITES
    }

    /// The load a second.
    fn over(self, seconds: f64) -> Self {
        Self {
            reads: self.reads / seconds,
            writes: self.writes / seconds,
        }
    }

    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
    }
}

impl Table {
    /// A table without load. Its loads are averages over `seconds`.
    pub fn new(seconds: u32) -> Self {
        Self {
            seconds: f64::from(seconds),
            keys: HashMap::new(),
        }
    }

    /// Adds whole units to a key: their sums do not depend on the order.
    pub fn add(&mut self, key: &str, load: Load) {
        if let Some(sum) = self.keys.get_mut(key) {
            sum.add(load);
        } else {
            self.keys.insert(key.to_owned(), load);
        }
    }

    /// The units of a key.
    #[cfg(test)]
    pub fn load(&self, key: &str) -> Load {
        self.keys.get(key).copied().unwrap_or_default()
    }

    /// The load of the whole table a second.
    pub fn total(&self) -> Load {
        let mut total = Load::default();
        for load in self.keys.values() {
            total.add(*load);
        }
        total.over(self.seconds)
    }

    /// Distributes the keys over partitions, for a table with this many bytes.
    pub fn layout(&self, bytes: f64) -> Layout {
        let initial = initial_partitions(bytes);
        let mut keys: Vec<(u64, Load)> = self
            .keys
            .iter()
            .map(|(key, load)| (hash(key), load.over(self.seconds)))
            .collect();
        keys.sort_unstable_by_key(|(hash, _)| *hash);
        let (mut hottest, mut partitions, mut rest) = (0.0_f64, 0, keys.as_slice());
        for number in 1..=initial {
            let (range, after) =
                rest.split_at(rest.partition_point(|(hash, _)| {
                    u128::from(*hash) < end_of_range(number, initial)
                }));
            rest = after;
            hottest = hottest.max(share(range));
            partitions += split(range);
        }
        Layout {
            initial,
            hottest,
            partitions,
            hottest_key: self.hottest_key(),
        }
    }

    fn hottest_key(&self) -> Option<(String, f64)> {
        // Of several keys with the same load the first by name, so that a run can be repeated.
        let hottest = self.keys.iter().max_by(|one, other| {
            let by_load = one.1.share().total_cmp(&other.1.share());
            by_load.then_with(|| other.0.cmp(one.0))
        });
        hottest.map(|(key, load)| (key.clone(), load.over(self.seconds).share()))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a table has far fewer than 2^32 partitions"
)]
fn initial_partitions(bytes: f64) -> usize {
    ((bytes / BYTES).ceil() as usize).max(INITIAL)
}

/// The first hash after the range with this number, of `count` equal ranges.
fn end_of_range(number: usize, count: usize) -> u128 {
    (1_u128 << 64) * number as u128 / count as u128
}

fn share(keys: &[(u64, Load)]) -> f64 {
    keys.iter().map(|(_, load)| load.share()).sum()
}

/// The number of partitions into which this range is split: at the key that halves the load, until a partition takes its load
/// or has one key.
fn split(keys: &[(u64, Load)]) -> usize {
    let total = share(keys);
    if total <= 1.0 || keys.len() <= 1 {
        return 1;
    }
    let mut sum = 0.0;
    let half = keys.iter().position(|(_, load)| {
        sum += load.share();
        sum * 2.0 >= total
    });
    let middle = half.unwrap_or_default().clamp(1, keys.len() - 1);
    let (low, high) = keys.split_at(middle);
    split(low) + split(high)
}

/// A uniform hash. DynamoDB does not publish its own.
fn hash(key: &str) -> u64 {
    let digest = sha256_hex(key.as_bytes());
    let bits = digest.get(..16).map(|text| u64::from_str_radix(text, 16));
    bits.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(reads: f64, writes: f64) -> Load {
        Load { reads, writes }
    }

    #[test]
    fn reads_and_writes_use_a_partition_up_together() {
        assert!((load(3_000.0, 0.0).share() - 1.0).abs() < 1e-9);
        assert!((load(1_500.0, 500.0).share() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_table_has_a_partition_for_each_10_gib_and_at_least_four() {
        assert_eq!(initial_partitions(0.0), 4);
        assert_eq!(initial_partitions(150.0 * BYTES), 150);
        assert_eq!(initial_partitions(4.5 * BYTES), 5);
    }

    #[test]
    fn the_ranges_cover_all_hashes() {
        assert_eq!(end_of_range(3, 3), 1 << 64);
        assert_eq!(end_of_range(1, 4), 1 << 62);
    }

    #[test]
    fn many_keys_spread_evenly() {
        let mut table = Table::new(1);
        for number in 0..10_000 {
            table.add(&format!("user#{number}"), load(1.0, 0.0));
        }
        let layout = table.layout(0.0);
        // 10,000 reads over four partitions of 3,000 each: 0.83, and a few per cent by chance.
        assert!((0.83..0.90).contains(&layout.hottest), "{layout:?}");
        assert_eq!((layout.initial, layout.partitions), (4, 4));
    }

    #[test]
    fn a_hot_partition_is_split_until_it_takes_its_load() {
        let mut table = Table::new(1);
        for number in 0..10_000 {
            table.add(&format!("user#{number}"), load(9.0, 0.0));
        }
        let layout = table.layout(0.0);
        // 90,000 reads need 30 partitions at least.
        assert!((30..=64).contains(&layout.partitions), "{layout:?}");
        let (_, hottest) = layout.hottest_key.expect("a key");
        assert!(hottest < 0.01);
    }

    #[test]
    fn a_hot_key_cannot_be_split() {
        let mut table = Table::new(1);
        table.add("jwks", load(4_500.0, 0.0));
        table.add("signing", load(10.0, 0.0));
        let layout = table.layout(0.0);
        let (key, share) = layout.hottest_key.expect("a key");
        assert_eq!(key, "jwks");
        assert!((share - 1.5).abs() < 1e-9);
    }
}
