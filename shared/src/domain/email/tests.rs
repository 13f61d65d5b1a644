use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> EmailAddress {
    match EmailAddress::parse(text) {
        Ok(email) => email,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[test]
fn rejects_invisible_characters_in_the_domain() {
    for invisible in [
        '\u{ad}',
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{200b}',
        '\u{2060}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{1bca0}',
        '\u{1d173}',
        '\u{e0020}',
    ] {
        let text = format!("john@exa{invisible}mple.com");
        assert!(EmailAddress::parse(&text).is_err(), "{text:?}");
    }
}

#[test]
fn accepts_ordinary_addresses() {
    for text in [
        "john@example.com",
        "a@b.co",
        "John.Doe+news@Mail.Example.com",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "1@2.example",
        "john@a-b.example",
        "john@r3---sn.example",
        "john@1.2.3.example",
        "john@bücher.example",
        "john@例え.テスト",
        "john@пример.рф",
        "john@xn--bcher-kva.example",
        "john@straße.example",
    ] {
        assert_eq!(parse(text).as_str(), text);
    }
}

const MALFORMED: &str = "
    @ john john@ @example.com john@@example.com john@example@com john@example john@localhost
    .john@example.com john.@example.com jo..hn@example.com \"john\"@example.com
    john(comment)@example.com (c)john@example.com <john@example.com> mailto:john@example.com
    john@example.com,jane@example.com john@example.com;jane@example.com john\0@example.com
    john@example.com\0 john@exa\0mple.com jöhn@example.com john\u{200B}@example.com john＠example.com
    john@a＠b.com j\\ohn@example.com john@.example.com john@example..com john@example.com.
    john@example.com。 john@. john@.. john@-example.com john@example-.com john@example.com-
    john@exa_mple.com john@exa%mple.com john@example.com:25 john@example.com/x john@℀.com
    john@example!.com john@127.0.0.1 john@[127.0.0.1] john@[IPv6:::1] john@::1 john@1.2
    john@example.123 john@127.0.0.0x1 john@0x7f.0x1 john@１２７.０.０.１ john@xn--a.example
    john@xn--.example john@xn--bcher-kv\u{e4}.example john@xn--zzzzzzzzz99999999.example
    john@xn--example-.com john@exa\u{200B}mple.com john@exa\u{AD}mple.com john@exa\u{2060}mple.com
    john@exa\u{FEFF}mple.com john@exa\u{202E}mple.com john@exa\u{2066}mple.com
    john@exa\u{200D}mple.com john@exa\u{FE0F}mple.com john@exa\u{85}mple.com john@exa\u{7F}mple.com
    john@exa\u{2028}mple.com john@exa\u{A0}mple.com \u{A0}john@example.com \u{FEFF}john@example.com
    john@example.com\u{3000} john@\u{301}example.com john@אa.example john@\u{378}.example
    john@example.com\u{B} john@exa\u{FFFD}mple.com
";

#[test]
fn rejects_malformed_addresses() {
    for text in MALFORMED.split_ascii_whitespace() {
        assert!(EmailAddress::parse(text) == Err(Error::Invalid), "{text:?}");
    }
}

#[test]
fn rejects_inner_white_space_and_second_addresses() {
    for text in [
        "",
        " ",
        "jo hn@example.com",
        "jo\thn@example.com",
        "\"jo hn\"@example.com",
        "John <john@example.com>",
        "john@example.com jane@example.com",
        "john@example.com, jane",
        "john@example.com\r\nBcc: jane@example.com",
        "john@example.com\njane@example.com",
        "john\r\n@example.com",
        "john@\nexample.com",
        "john@exa mple.com",
    ] {
        assert!(EmailAddress::parse(text) == Err(Error::Invalid), "{text:?}");
    }
}

#[test]
fn trims_only_surrounding_ascii_white_space() {
    assert_eq!(
        parse(" \t\r\n\u{C}John@Example.com\r\n ").as_str(),
        "John@Example.com"
    );
}

#[test]
fn all_spellings_of_a_domain_are_one_address() {
    for text in [
        "john@bücher.example",
        "JOHN@BÜCHER.EXAMPLE",
        "john@bu\u{308}cher.example",
        "john@xn--bcher-kva.example",
        "john@XN--BCHER-KVA.Example",
        "john@ｂücher。example",
        "john@bücher．example",
    ] {
        assert_eq!(
            parse(text).canonical(),
            "john@xn--bcher-kva.example",
            "{text:?}"
        );
    }
}

#[test]
fn dots_and_tags_are_significant() {
    assert!(parse("john.doe@example.com").canonical() != parse("johndoe@example.com").canonical());
    assert!(parse("john+a@example.com").canonical() != parse("john@example.com").canonical());
}

#[test]
fn mailbox_keeps_local_part_and_encodes_domain() {
    assert_eq!(
        parse("John.Doe@BÜCHER.example").mailbox(),
        "John.Doe@xn--bcher-kva.example"
    );
}

#[test]
fn limits_bytes_of_address_and_parts() {
    let local = "a".repeat(64);
    let label = "b".repeat(63);
    let longest = format!("{local}@{label}.{label}.{}", "c".repeat(61));
    assert_eq!(longest.len(), 254);
    assert_eq!(parse(&longest).mailbox(), longest);
    assert!(EmailAddress::parse(&format!("{longest}c")) == Err(Error::TooLong));
    assert!(EmailAddress::parse(&format!("a{local}@example.com")) == Err(Error::TooLong));
    assert!(EmailAddress::parse(&format!("a@b{label}.com")) == Err(Error::Invalid));
    assert!(EmailAddress::parse(&"x".repeat(100_000)) == Err(Error::TooLong));
}

#[test]
fn limits_bytes_of_the_ascii_form() {
    let typed = format!("{}@{}com", "a".repeat(64), "bü.".repeat(20));
    assert!(typed.len() <= 254);
    assert!(EmailAddress::parse(&typed) == Err(Error::TooLong));
}

mod case_45_any_input {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn accepted_addresses_are_short_and_canonical(text in prop_oneof![
            "\\PC{0,80}",
            any::<String>(),
            "[a-zA-Z.+]{1,10}@\\PC{1,12}\\.[a-z]{2,4}",
            "[a-z]{1,3}@xn--[a-z0-9-]{1,12}\\.[a-z]{2,4}",
            "[a-z]{1,3}@[a-zA-ZäÄßſK\u{130}\u{200c}\u{94d}\u{5d0}\u{661}.。-]{1,12}\\.[a-z]{2,4}",
        ]) {
            if let Ok(email) = EmailAddress::parse(&text) {
                prop_assert!(email.canonical().is_ascii() && email.mailbox().is_ascii());
                prop_assert!(email.canonical().len() <= 254 && email.mailbox().len() <= 254);
                prop_assert_eq!(email.canonical(), email.mailbox().to_ascii_lowercase());
                for same in [email.canonical(), &email.mailbox(), email.as_str()] {
                    let reparsed = EmailAddress::parse(same);
                    prop_assert!(reparsed.is_ok_and(|reparsed| reparsed.canonical() == email.canonical()));
                }
            }
        }

        #[test]
        fn upper_and_lower_case_are_one_address(local in "[a-zA-Z0-9+_-]{1,20}", domain in "[a-zA-Z][a-zA-Z0-9]{0,20}\\.[a-zA-Z]{2,10}") {
            prop_assume!(!domain.to_ascii_lowercase().starts_with("xn--"));
            let mixed = parse(&format!("{local}@{domain}"));
            let upper = parse(&mixed.as_str().to_ascii_uppercase());
            prop_assert_eq!(mixed.canonical(), upper.canonical());
        }
    }
}
