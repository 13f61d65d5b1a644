//! Reset tokens: an issued token parses to itself, and every text that parses is one that could have been issued.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::{
    link_token::{LinkToken, SECRET_BYTES},
    user_id::UserId,
};

fuzz_target!(|data: &[u8]| {
    if let Some((id, secret)) = data.split_first_chunk::<8>()
        && let Ok(secret) = <[u8; SECRET_BYTES]>::try_from(secret)
    {
        check_issued(UserId::from_random(*id), secret);
    }
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match LinkToken::parse(text) {
        Ok(token) => {
            assert_eq!(number(text), Some(token.user().number()));
            assert_eq!(token.text().as_str(), text);
            assert_eq!(token.hash().len(), 64);
        }
        Err(_) => assert_eq!(number(text), None),
    }
    check_id(text);
});

fn check_issued(user: UserId, secret: [u8; SECRET_BYTES]) {
    let issued = LinkToken::issue(user, secret);
    let parsed = LinkToken::parse(&issued.text()).expect("an issued token parses");
    assert_eq!(parsed.user(), user);
    assert_eq!(parsed.text(), issued.text());
    assert_eq!(parsed.hash(), issued.hash());
    let mut other = secret;
    other[0] ^= 1;
    assert_ne!(LinkToken::issue(user, other).hash(), issued.hash());
}

/// Returns the user's id if the text is a token. Parses digit by digit, unlike the code under test.
fn number(text: &str) -> Option<u64> {
    let (user, secret) = text.split_once('-')?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if secret.len() != 40 || !secret.bytes().all(hex) || user.starts_with('0') {
        return None;
    }
    let mut number: u64 = 0;
    for byte in user.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            _ => return None,
        };
        number = number.checked_mul(36)?.checked_add(digit.into())?;
    }
    (1..=UserId::MAX).contains(&number).then_some(number)
}

/// Checks that an id parses only in its canonical form.
fn check_id(text: &str) {
    let expected = text
        .parse::<u64>()
        .ok()
        .filter(|number| (1..=UserId::MAX).contains(number) && number.to_string() == text);
    let parsed = UserId::parse(text).ok().map(UserId::number);
    assert_eq!(parsed, expected);
}
