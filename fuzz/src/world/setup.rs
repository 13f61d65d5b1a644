//! The settings, the clock and the random numbers of a [`super::World`]: every run is the same.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use local::{
    Options,
    testing::{LIGHT, START},
};
use serde_json::{json, value::to_raw_value};
use shared::{
    app::Providers,
    domain::{clock::Clock, password::Hasher, random::Random},
    lambda::Invoke,
};

/// Turns limits off, since they would make the result of an input depend on earlier ones. The stream invokes nothing: a
/// target that tests delivery invokes `send_mail` itself.
pub(super) fn options(settings: &[(&str, &str)]) -> Options {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let mut options = Options::new(template, providers());
    options.source_limits = false;
    let own = [
        ("LIMIT_WRONG_PASSWORDS", "4000000000"),
        ("LIMIT_MAILS_PER_DAY", "4000000000"),
        ("LOG_LEVEL", "ERROR"),
    ];
    for (name, value) in own.iter().chain(settings) {
        options
            .settings
            .insert((*name).to_owned(), (*value).to_owned());
    }
    let done: Invoke = Arc::new(|_, _| {
        Box::pin(async { Ok(to_raw_value(&json!({"batchItemFailures": []})).expect("JSON")) })
    });
    options.elsewhere = BTreeMap::from([("send_mail".to_owned(), done)]);
    options
}

pub(super) fn providers() -> Providers {
    let counter = AtomicU64::new(1);
    let fill = move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let word = scramble(counter.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    };
    Providers {
        clock: Clock::new(|| START),
        random: Random::new(fill),
        hasher: Hasher::new(LIGHT),
    }
}

/// `SplitMix64`, so that every run draws the same numbers.
const fn scramble(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
