use super::*;
use proptest::prelude::*;

fn rejection(text: &str) -> Option<Error> {
    NewPassword::parse(text, &Policy::default()).err()
}

#[test]
fn requires_no_character_classes() {
    for text in [
        "correct horse battery staple",
        "johnlovescats",
        "        ",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA",
        " leading and trailing ",
        "пароль-для-кота",
        "😀😁😂🤣😃😄😅😆",
        "tab\tand\nnewline",
        "<script>{{7*7}}",
    ] {
        assert_eq!(rejection(text), None, "{text:?}");
    }
}

#[test]
fn length_limits_apply_to_the_composed_form() {
    assert_eq!(rejection("zqxjvkw"), Some(Error::TooShort { min: 8 }));
    assert_eq!(rejection("zqxjvkwy"), None);
    assert_eq!(rejection(""), Some(Error::TooShort { min: 8 }));
    assert_eq!(
        rejection("zqxjvke\u{301}"),
        Some(Error::TooShort { min: 8 })
    );
    assert_eq!(rejection(&"é".repeat(128)), None);
    assert_eq!(rejection(&"e\u{301}".repeat(128)), None);
    assert_eq!(rejection(&"é".repeat(129)), Some(Error::TooLong));
    assert_eq!(rejection(&"😀".repeat(128)), None);
    assert_eq!(rejection(&"😀".repeat(129)), Some(Error::TooLong));
    assert_eq!(rejection(&"x".repeat(100_000)), Some(Error::TooLong));
}

#[test]
fn minimum_length_is_configurable() {
    let policy = Policy { min_length: 15 };
    assert!(
        NewPassword::parse("zqxjvkwyzqxjvk", &policy)
            .is_err_and(|error| error == Error::TooShort { min: 15 })
    );
    assert!(NewPassword::parse("zqxjvkwyzqxjvkw", &policy).is_ok());
}

#[test]
fn rejects_nul() {
    assert_eq!(rejection("zqxjvkwy\0"), Some(Error::Invalid));
}

#[test]
fn rejects_common_passwords_in_any_case() {
    for text in [
        "password",
        "PassWord",
        "12345678",
        "mypassword",
        "password123",
        "iloveyou1",
        "qwertyuiop",
    ] {
        assert_eq!(rejection(text), Some(Error::TooCommon), "{text}");
    }
}

#[test]
fn existing_passwords_have_512_bytes_at_most() {
    for text in ["", "x", "newpass", "password", "\0", "e\u{301}"] {
        assert!(Password::parse(text).is_ok(), "{text:?}");
    }
    assert!(Password::parse(&"x".repeat(512)).is_ok());
    assert!(Password::parse(&"x".repeat(513)).is_err_and(|error| error == Error::TooLong));
    assert!(Password::parse(&"e\u{301}".repeat(256)).is_ok());
    assert!(
        Password::parse(&"\u{FB2C}".repeat(100)).is_err(),
        "six bytes each in NFC"
    );
}

#[test]
fn composed_and_decomposed_spellings_are_the_same() {
    let (Ok(composed), Ok(decomposed)) =
        (Password::parse("caf\u{e9}"), Password::parse("cafe\u{301}"))
    else {
        panic!("rejected");
    };
    assert_eq!(composed.as_bytes(), decomposed.as_bytes());
}

mod case_45_any_input {
    use super::*;

    proptest! {
        #[test]
        fn an_accepted_password_can_be_verified(text in prop_oneof![any::<String>(), "\\PC{0,140}"]) {
            if let Ok(password) = NewPassword::parse(&text, &Policy::default()) {
                let _ = password.check_not_personal(&[text.as_str(), "john@example.com", ""].into_iter().collect());
                prop_assert!(Password::parse(&text).is_ok_and(|again| again.as_str() == password.as_password().as_str()));
            }
        }

        #[test]
        fn folding_fits_the_reserved_capacity(text in any::<String>()) {
            prop_assert!(fold(&text).len() <= text.len() * 3);
        }
    }
}
