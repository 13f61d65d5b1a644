//! Usernames, first and last names: accepted exactly if they follow the rules, and stored unchanged but for white space around
//! a username.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::{
    email::EmailAddress,
    name::{self, Name},
    username::{self, Username},
};

fuzz_target!(|text: &str| {
    check_username(text);
    check_name(text);
});

fn check_username(typed: &str) {
    let text = typed.trim_ascii();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-');
    let expected = match text.chars().count() {
        0 => Some(username::Error::TooShort),
        151.. => Some(username::Error::TooLong),
        _ => (!text.bytes().all(plain)).then_some(username::Error::Invalid),
    };
    let username = match Username::parse(typed) {
        Ok(username) => username,
        Err(error) => return assert_eq!(Some(error), expected),
    };
    assert_eq!(expected, None);
    assert_eq!(username.as_str(), text);
    let canonical = username.canonical();
    for spelling in [&canonical, &text.to_ascii_uppercase(), &text.to_lowercase()] {
        let again = Username::parse(spelling).map(|username| username.canonical());
        assert_eq!(again.as_ref(), Ok(&canonical));
    }
    assert!(
        EmailAddress::parse(text).is_err(),
        "a username is never an e-mail address"
    );
}

fn check_name(text: &str) {
    let is_bidirectional =
        |character: char| matches!(u32::from(character), 0x2028..=0x202e | 0x2066..=0x2069);
    let is_control = |character: char| matches!(u32::from(character), 0..=0x1f | 0x7f..=0x9f);
    let expected = if text.len() > 300 || text.chars().count() > 150 {
        Some(name::Error::TooLong)
    } else {
        let is_invalid = text
            .chars()
            .any(|character| is_bidirectional(character) || is_control(character));
        is_invalid.then_some(name::Error::Invalid)
    };
    match Name::parse(text) {
        Ok(name) => {
            assert_eq!(expected, None);
            assert_eq!(name.as_str(), text);
        }
        Err(error) => assert_eq!(Some(error), expected),
    }
}
