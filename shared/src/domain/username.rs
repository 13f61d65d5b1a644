//! Usernames: validation, and the canonical form on which they are unique.
//! Does not check that a username is free.

use crate::domain::{error_code::ErrorCode, lookup::Lookup};

/// Maximum length of a username in characters.
const MAX_CHARACTERS: usize = 150;

/// A username of 1 to 150 characters of `A–Z a–z 0–9 . _ + -`.
///
/// `@` is not allowed, so that no username can be mistaken for an e-mail address. Only ASCII is allowed, so that no two
/// usernames look alike.
#[derive(Clone, PartialEq, Eq)]
pub struct Username(String);

/// The reason that a text is not a [`Username`]. The message completes the sentence "The username …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is empty.
    #[error("must not be empty")]
    TooShort,
    /// The text has over 150 characters.
    #[error("must be at most {MAX_CHARACTERS} characters long")]
    TooLong,
    /// The text has a character that is not allowed.
    #[error("may contain only the letters A to Z, digits, and . _ + -")]
    Invalid,
}

impl ErrorCode for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
        }
    }
}

impl Username {
    /// Parses a username. Surrounding ASCII white space is trimmed: keyboards of phones add a space.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(Error::TooShort);
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
        {
            return Err(Error::Invalid);
        }
        Ok(Self(text.to_owned()))
    }

    /// The username in a stored record, which an earlier version may have accepted by other rules. It is not validated, so
    /// that no change of the rules locks a user out.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Parses the username of an account that may exist. Also accepts what the rules refuse today, since an earlier version
    /// may have accepted it.
    ///
    /// # Errors
    /// The error of [`Self::parse`] for a text that no version can have accepted: empty, too long, or with a control
    /// character.
    pub fn lookup(text: &str) -> Result<Lookup<Self, Error>, Error> {
        Lookup::new(Self::parse(text), || Self::parse_leniently(text))
    }

    fn parse_leniently(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let is_plausible = (1..=MAX_CHARACTERS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        is_plausible.then(|| Self(text.to_owned()))
    }

    /// The username as typed, without surrounding white space: the form to display.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if `text` is this username in any form that a log-in accepts.
    #[must_use]
    pub fn is_same_as(&self, text: &str) -> bool {
        text.trim_ascii().eq_ignore_ascii_case(&self.0)
    }

    /// The username in lower case: the form on which accounts are unique.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_the_documented_characters() {
        let longest = "a".repeat(150);
        for text in [
            "a",
            "jc123",
            "John.Doe_2+x-y",
            "-",
            "..",
            "007",
            longest.as_str(),
        ] {
            assert!(
                Username::parse(text).is_ok_and(|username| username.as_str() == text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn rejects_all_other_characters() {
        for text in [
            "jc 123",
            "jc123\u{A0}",
            "jc\0",
            "john@example.com",
            "a/b",
            "jörg",
            "ｊｃ",
            "jc\u{200B}",
            "а",
            "<b>",
            "a:b",
            "a#b",
            "a'b",
        ] {
            assert!(Username::parse(text) == Err(Error::Invalid), "{text:?}");
        }
        assert!(Username::parse("") == Err(Error::TooShort));
        assert!(Username::parse(" \t\r\n") == Err(Error::TooShort));
        assert!(Username::parse(&"a".repeat(151)) == Err(Error::TooLong));
    }

    #[test]
    fn surrounding_ascii_white_space_is_trimmed() {
        for text in ["jc123 ", " jc123", "\tjc123\r\n"] {
            assert!(Username::parse(text).is_ok_and(|username| username.as_str() == "jc123"));
        }
    }

    #[test]
    fn a_stored_username_is_found_whatever_the_rules() {
        for text in ["jörg", "jc 123", "a@b"] {
            assert!(Username::parse(text).is_err());
            let lookup = Username::lookup(text).ok().unwrap();
            assert!(lookup.broken_rule == Some(Error::Invalid));
            let stored = Username::from_stored(text.to_owned());
            assert_eq!(lookup.name.canonical(), stored.canonical());
        }
        assert!(Username::lookup("jc123").is_ok_and(|lookup| lookup.broken_rule.is_none()));
        for text in ["", "jc\u{1}", &"a".repeat(151)] {
            assert!(Username::lookup(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn canonical_form_is_lower_case() {
        assert!(Username::parse("JC123").is_ok_and(|username| username.canonical() == "jc123"));
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn canonical_form_is_stable(text in prop_oneof![any::<String>(), "[A-Za-z0-9._+-]{1,150}"]) {
                if let Ok(username) = Username::parse(&text) {
                    let canonical = username.canonical();
                    prop_assert!(Username::parse(&canonical).is_ok_and(|reparsed| reparsed.canonical() == canonical));
                }
            }
        }
    }
}
