//! Passwords: the policy holds exactly and for every Unicode normal form, and an accepted password verifies in every
//! form. A stored hash of any content neither panics nor matches.

#![no_main]

use std::{collections::HashSet, sync::LazyLock};

use fuzz::{PASSWORD, split_at_first};
use libfuzzer_sys::fuzz_target;
use shared::domain::password::{Error, Hash, Hasher, NewPassword, Params, Password, Policy};
use unicode_normalization::UnicodeNormalization as _;

static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("../../shared/data/common_passwords.txt")
        .lines()
        .collect()
});

static HASHER: LazyLock<Hasher> = LazyLock::new(|| {
    Hasher::new(Params {
        m_cost: 8,
        t_cost: 1,
        p_cost: 1,
    })
});

// Input: a stored hash that begins with `$`; otherwise the minimum length as a digit, the password up to a line break,
// and the personal words, one a line.
fuzz_target!(|text: &str| {
    if text.starts_with('$') {
        return check_stored(text);
    }
    let mut characters = text.chars();
    let digit = characters.next().and_then(|first| first.to_digit(10));
    let min_length = usize::try_from(digit.unwrap_or(8)).unwrap_or_default();
    let (password, words) = split_at_first(characters.as_str(), "\n");
    check(
        password,
        &words.lines().collect::<Vec<_>>(),
        Policy { min_length },
    );
});

fn check(text: &str, words: &[&str], policy: Policy) {
    let parsed = NewPassword::parse(text, &policy);
    assert_eq!(parsed.as_ref().err().copied(), expected(text, policy));
    let decomposed: String = text.nfd().collect();
    for spelling in [&decomposed, &text.nfc().collect()] {
        assert_eq!(
            rejection(spelling, policy, &[]),
            parsed.as_ref().err().copied()
        );
    }
    let Ok(password) = parsed else {
        assert_eq!(rejection(text, policy, words), expected(text, policy));
        return;
    };
    let rejected = rejection(text, policy, words);
    assert!(matches!(rejected, None | Some(Error::TooSimilar)));
    assert_eq!(rejection(&decomposed, policy, words), rejected);
    // A password that consists of one personal word, forwards or backwards, is rejected. Case folding shortens some
    // texts, but not by that much.
    if text.nfc().count() >= 8 {
        let own = rejection(text, policy, &[words, &[text]].concat());
        assert_eq!(own, Some(Error::TooSimilar));
    }
    let reversed: String = text.chars().rev().collect();
    if text.is_ascii() && text.len() >= 3 {
        let own = rejection(text, policy, &[&reversed]);
        assert_eq!(own, Some(Error::TooSimilar));
    }
    if text.is_ascii() {
        let (upper, lower) = (text.to_ascii_uppercase(), text.to_ascii_lowercase());
        assert_eq!(rejection(&upper, policy, words), rejected);
        assert_eq!(rejection(&lower, policy, words), rejected);
    }
    assert!(password.as_password().is_same_as(&decomposed));
    let hash = HASHER.hash(&password, [7; 16]).expect("a hash");
    let again = Password::parse(&decomposed).unwrap_or_else(|error| panic!("{error}"));
    assert!(HASHER.verify(&again, &hash).is_ok_and(|verified| verified));
    let longer = Password::parse(&format!("{text}x")).ok();
    assert!(longer.is_none_or(|longer| {
        HASHER
            .verify(&longer, &hash)
            .is_ok_and(|verified| !verified)
    }));
}

fn rejection(text: &str, policy: Policy, words: &[&str]) -> Option<Error> {
    let words = words.iter().copied().collect();
    NewPassword::parse_for(text, &policy, &words).err()
}

/// Returns the error that the contract states, without personal words.
fn expected(text: &str, policy: Policy) -> Option<Error> {
    let composed: String = text.nfc().collect();
    let characters = composed.chars().count();
    let folded: String = composed
        .chars()
        .flat_map(char::to_lowercase)
        .nfc()
        .collect();
    if composed.len() > 512 {
        Some(Error::TooLong)
    } else if characters < policy.min_length {
        let min = policy.min_length;
        Some(Error::TooShort { min })
    } else if characters > 128 {
        Some(Error::TooLong)
    } else if composed.contains('\0') {
        Some(Error::Invalid)
    } else {
        COMMON.contains(folded.as_str()).then_some(Error::TooCommon)
    }
}

fn check_stored(text: &str) {
    let stored = Hash::from_stored(text.to_owned());
    let password = Password::parse(PASSWORD).unwrap_or_else(|error| panic!("{error}"));
    let verified = HASHER.verify(&password, &stored);
    assert!(
        !verified.is_ok_and(|verified| verified),
        "a made-up hash matches"
    );
    let _ = HASHER.needs_rehash(&stored);
}
