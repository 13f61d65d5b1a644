//! Reproducible clock, randomness and password hasher, for tests and fuzzers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use shared::{
    app::Providers,
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
    },
};

use crate::clock::AdjustableClock;

/// The start of [`ManualClock::default`], 2026-01-31T12:00:00Z.
pub const START: Timestamp = Timestamp::from_unix(1_769_860_800);

/// The smallest cost that Argon2 supports.
pub const LIGHT: Params = Params {
    m_cost: 8,
    t_cost: 1,
    p_cost: 1,
};

/// A clock that moves only when it is advanced. Clones share the time.
#[derive(Clone)]
pub struct ManualClock(AdjustableClock);

impl Default for ManualClock {
    fn default() -> Self {
        Self::new(START)
    }
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(AdjustableClock::new(Clock::new(move || start)))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Advances the clock by whole seconds.
    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

/// Providers with the time of `clock`, random bytes that depend only on `seed`, and a hasher with [`LIGHT`] parameters.
#[must_use]
pub fn fixed_providers(clock: &ManualClock, seed: u64) -> Providers {
    Providers {
        clock: clock.0.reader(),
        random: seeded_random(seed),
        hasher: Hasher::new(LIGHT),
    }
}

/// `SplitMix64`, which is not fit for secrets.
fn seeded_random(seed: u64) -> Random {
    const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;
    let state = AtomicU64::new(seed);
    Random::new(move |bytes| {
        for chunk in bytes.chunks_mut(8) {
            let previous = state.fetch_add(INCREMENT, Ordering::Relaxed);
            let mut bits = previous.wrapping_add(INCREMENT);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            for (byte, random) in chunk.iter_mut().zip(bits.to_le_bytes()) {
                *byte = random;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_depend_only_on_the_seed() {
        // The first value of the reference implementation for this seed.
        let first = seeded_random(1_234_567).bytes::<8>();
        assert_eq!(u64::from_le_bytes(first), 6_457_827_717_110_365_317);
        let bytes = |seed| seeded_random(seed).bytes::<20>();
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn an_advanced_clock_moves_every_clone() {
        let clock = ManualClock::default();
        let providers = fixed_providers(&clock, 1);
        assert_eq!(providers.clock.now(), START);
        clock.advance(Duration::from_mins(1));
        assert_eq!(providers.clock.now().seconds_since(START), 60);
    }
}
