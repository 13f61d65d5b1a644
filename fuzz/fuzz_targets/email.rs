//! E-mail addresses: every spelling leads to one account and one mailbox, and contains no invisible character.

#![no_main]

use fuzz::is_invisible;
use libfuzzer_sys::fuzz_target;
use shared::domain::email::EmailAddress;

fuzz_target!(|text: &str| {
    let Ok(email) = EmailAddress::parse(text) else {
        return;
    };
    assert_eq!(email.as_str(), text.trim_ascii());
    assert!(email.as_str().len() <= 254 && !email.as_str().chars().any(is_hidden));
    check_form(email.canonical());
    check_form(&email.mailbox());
    assert_eq!(email.canonical(), email.mailbox().to_ascii_lowercase());

    let spellings = [
        email.canonical().to_owned(),
        email.mailbox(),
        email.as_str().to_owned(),
        text.to_ascii_uppercase(),
        text.to_ascii_lowercase(),
        format!(" \t{text}\r\n"),
    ];
    for spelling in spellings {
        assert_eq!(canonical(&spelling).as_deref(), Some(email.canonical()));
    }
    let (local, domain) = email.canonical().split_once('@').expect("an @");
    let (domain, _) = idna::domain_to_unicode(domain);
    if let Some(again) = canonical(&format!("{local}@{domain}")) {
        assert_eq!(again, email.canonical());
    } else {
        assert!(domain.len() + local.len() >= 254);
    }
});

/// Returns true for an invisible character other than the joiners, which IDNA allows where a script needs them.
fn is_hidden(character: char) -> bool {
    is_invisible(character) && !matches!(character, '\u{200c}' | '\u{200d}')
}

fn canonical(text: &str) -> Option<String> {
    EmailAddress::parse(text)
        .ok()
        .map(|email| email.canonical().to_owned())
}

/// Checks the form that SES, SMTP (RFC 5321) and DNS (RFC 1035) accept.
fn check_form(address: &str) {
    assert!(address.is_ascii() && address.len() <= 254, "{address:?}");
    let (local, domain) = address.split_once('@').expect("an @");
    assert!((1..=64).contains(&local.len()), "{address:?}");
    for atom in local.split('.') {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"()<>[]:;@\\,.\"".contains(&byte);
        assert!(!atom.is_empty() && atom.bytes().all(plain), "{address:?}");
    }
    assert!(domain.contains('.') && domain.len() <= 253, "{address:?}");
    for label in domain.split('.') {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(
            (1..=63).contains(&label.len()) && label.bytes().all(plain),
            "{address:?}"
        );
        assert!(
            !label.starts_with('-') && !label.ends_with('-'),
            "{address:?}"
        );
    }
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    assert!(
        top_level.starts_with(|first: char| first.is_ascii_lowercase()),
        "{address:?}"
    );
}
