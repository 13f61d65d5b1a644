//! First and last names, kept as typed in any script.
//! Rejects only characters that could break the line, or reverse the text, in which the name is displayed.

use crate::domain::error_code::ErrorCode;

/// Maximum length of a name in characters (Unicode scalar values).
const MAX_CHARACTERS: usize = 150;
/// Maximum length of a name in bytes of UTF-8.
const MAX_BYTES: usize = 300;

/// A first or last name of at most 150 characters and 300 bytes, which may be empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name(String);

/// The reason that a text is not a [`Name`]. The message completes the sentence "The name …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text has over 150 characters or over 300 bytes of UTF-8.
    #[error("must be at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes long")]
    TooLong,
    /// The text has a control character, a line separator, or a character that changes the direction of writing.
    #[error(
        "must not contain control characters, line breaks, or characters that change the direction of writing"
    )]
    Invalid,
}

impl ErrorCode for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
        }
    }
}

impl Name {
    /// Parses a name without trimming, normalizing or escaping it.
    ///
    /// # Errors
    /// [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES || text.chars().count() > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if text.chars().any(is_forbidden) {
            return Err(Error::Invalid);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name in a stored record, which an earlier version may have accepted by other rules. It is not validated.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name as typed. Callers must escape it in HTML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns true for controls (C0, DEL, C1), line and paragraph separators, and the embeddings, overrides and isolates
/// of UAX 9.
///
/// The marks U+061C, U+200E and U+200F are allowed: names in mixed scripts need them, and they open no scope, so their
/// effect ends with the name. The joiners U+200C and U+200D are allowed because many Persian and Indic names need them.
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_names_as_typed() {
        let (longest, widest) = ("a".repeat(150), "é".repeat(150));
        for text in [
            "",
            "John",
            " John ",
            "O'Brien",
            "José",
            "Jose\u{301}",
            "李",
            "محمد\u{200C}رضا",
            "\u{200F}דוד",
            "J. R. \"Bob\"",
            "<script>alert(1)</script>",
            "{{7*7}}",
            "=1+1",
            "👩\u{200D}🔬",
            longest.as_str(),
            widest.as_str(),
        ] {
            assert!(
                Name::parse(text).is_ok_and(|name| name.as_str() == text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn rejects_control_and_override_characters() {
        let forbidden = ('\0'..='\u{1F}')
            .chain('\u{7F}'..='\u{9F}')
            .chain('\u{2028}'..='\u{202E}')
            .chain('\u{2066}'..='\u{2069}');
        for character in forbidden {
            assert!(
                Name::parse(&format!("John{character}Doe")) == Err(Error::Invalid),
                "{character:?}"
            );
        }
        assert!(Name::parse("John\r\nBcc: jane@example.com") == Err(Error::Invalid));
    }

    #[test]
    fn rejects_over_150_characters_or_300_bytes() {
        assert!(Name::parse(&"a".repeat(151)) == Err(Error::TooLong));
        assert!(Name::parse(&"é".repeat(151)) == Err(Error::TooLong));
        assert!(Name::parse(&"李".repeat(100)).is_ok());
        assert!(Name::parse(&"李".repeat(101)) == Err(Error::TooLong));
    }

    #[test]
    fn is_empty_by_default() {
        assert_eq!(Name::default().as_str(), "");
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn an_accepted_name_is_unchanged(text in any::<String>()) {
                if let Ok(name) = Name::parse(&text) {
                    prop_assert_eq!(name.as_str(), text);
                }
            }
        }
    }
}
