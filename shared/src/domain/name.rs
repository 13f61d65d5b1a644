//! A first or last name: kept as typed, whatever the script.
//! It only keeps out what could break the line, or turn round the text, in which the name is shown.

/// Longest name in characters (Unicode scalar values).
const MAX_CHARACTERS: usize = 150;
/// Longest name in bytes of UTF-8.
const MAX_BYTES: usize = 300;

/// A first or last name of at most 150 characters and 300 bytes, which may be empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is not a [`Name`]. The message completes the sentence "The name …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text has over 150 characters or over 300 bytes of UTF-8.
    #[error("must be at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes long")]
    TooLong,
    /// The text has a control character, a line separator, or one that overrides the direction of writing.
    #[error(
        "must not contain control characters, line breaks, or characters that change the direction of writing"
    )]
    Invalid,
}

impl Name {
    /// Reads a name as it stands: nothing is trimmed, normalised or escaped.
    ///
    /// # Errors
    /// [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES || text.chars().count() > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if text.chars().any(is_refused) {
            return Err(Error::Invalid);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was typed. Whoever puts it into HTML must escape it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Controls (C0, DEL, C1), line and paragraph separators, and the embeddings, overrides and isolates of UAX 9.
///
/// The marks U+061C, U+200E and U+200F pass: they open nothing that must be closed, so they cannot
/// reach beyond the name, and names in mixed scripts need them. So do the joiners U+200C and
/// U+200D, without which many Persian and Indic names are misspelt.
fn is_refused(character: char) -> bool {
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
    fn refuses_control_and_override_characters() {
        let refused = ('\0'..='\u{1F}')
            .chain('\u{7F}'..='\u{9F}')
            .chain('\u{2028}'..='\u{202E}')
            .chain('\u{2066}'..='\u{2069}');
        for character in refused {
            assert!(
                Name::parse(&format!("John{character}Doe")) == Err(Error::Invalid),
                "{character:?}"
            );
        }
        assert!(Name::parse("John\r\nBcc: jane@example.com") == Err(Error::Invalid));
    }

    #[test]
    fn refuses_more_than_150_characters_or_300_bytes() {
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
            fn never_panics_and_changes_nothing(text in any::<String>()) {
                if let Ok(name) = Name::parse(&text) {
                    prop_assert_eq!(name.as_str(), text);
                }
            }
        }
    }
}
