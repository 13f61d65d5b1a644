//! The language that a user reads: a language tag (BCP 47), of which mails use one of the languages they are written in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use icu_locale_core::{LanguageIdentifier, Locale as LanguageTag};

use crate::domain::error_code::ErrorCode;

/// Maximum length in bytes: a language, a script and a region, such as `zh-Hant-TW`.
const MAX_BYTES: usize = 12;

/// Maximum number of language ranges that are read from an `Accept-Language` header.
const MAX_RANGES: usize = 20;

/// A language that mails are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, `en`.
    English,
    /// German, `de`.
    German,
}

/// A text that is not the code of a [`Language`].
#[derive(Debug, thiserror::Error)]
#[error("is neither en nor de")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
            .ok_or(UnknownLanguage)
    }
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The code (ISO 639-1), in lower case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// A language tag in its canonical form, such as `de-AT` or `zh-Hant-TW`, whether or not mails are written in its language.
/// In an item it is the tag, which is not validated when it is read.
///
/// # Examples
/// ```
/// use shared::domain::locale::{Language, Locale};
///
/// let locale = Locale::parse("DE-at").unwrap();
/// assert_eq!(locale.as_str(), "de-AT");
/// assert_eq!(locale.language(), Some(Language::German));
/// assert_eq!(Locale::parse("tlh").unwrap().language(), None, "mails are not written in Klingon");
/// assert!(Locale::parse("German").is_err());
/// assert!(Locale::parse("de_AT").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(String);

/// The reason that a text is not a [`Locale`]. The message completes the sentence "The locale …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text has over 12 bytes.
    #[error("must be at most {MAX_BYTES} characters long")]
    TooLong,
    /// The text is not a language with, optionally, a script and a region.
    #[error("must be a language tag, such as en or de-AT")]
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

impl Locale {
    /// Parses a language tag (BCP 47) of a language with, optionally, a script and a region, and brings it into its canonical
    /// form (Unicode Technical Standard 35, section 3). Mails do not differ by variants and extensions.
    ///
    /// # Errors
    /// [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        // The library also reads the underscores of POSIX, which no language tag has, and nothing as "und", undetermined.
        if text.is_empty() || text.contains('_') {
            return Err(Error::Invalid);
        }
        let tag = LanguageIdentifier::try_from_str(text).map_err(|_| Error::Invalid)?;
        if tag.variants.is_empty() {
            Ok(Self(tag.to_string()))
        } else {
            Err(Error::Invalid)
        }
    }

    /// Returns the tag that an `Accept-Language` header prefers among those of languages that mails are written in
    /// (RFC 9110, section 12.5.4), without variants and extensions. Malformed ranges, and `*`, are skipped.
    #[must_use]
    pub fn preferred(accept_language: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in accept_language.split(',').take(MAX_RANGES) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let Some(weight) = weight(parameters) else {
                continue;
            };
            let Ok(mut tag) = LanguageTag::try_from_str(tag.trim_ascii()) else {
                continue;
            };
            tag.id.variants.clear();
            let locale = Self(tag.id.to_string());
            let is_better = best.as_ref().is_none_or(|(highest, _)| weight > *highest);
            if weight > 0 && is_better && locale.language().is_some() {
                best = Some((weight, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }

    /// The canonical tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the language of mails that has this tag; `None` if there is none.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        let language = self.0.split('-').next()?;
        language.parse().ok()
    }
}

/// Returns the weight of a language range in thousandths (RFC 9110, section 12.4.2), or `None` if it is malformed.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim_ascii();
    if parameters.is_empty() {
        return Some(1_000);
    }
    let value = parameters
        .strip_prefix("q=")
        .or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, Error> {
        Locale::parse(text).map(|locale| locale.0)
    }

    #[test]
    fn well_formed_tags_are_stored_canonically() {
        for (text, canonical) in [
            ("en", "en"),
            ("EN-gb", "en-GB"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("tlh", "tlh"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_locales() {
        for text in [
            "de-1996",
            "de-u-co-attr",
            "x-klingon",
            "",
            " ",
            "e",
            "en_GB",
            "en-",
            "-en",
            "en--GB",
            "englisches",
            "en-GB ",
            "de-ÄT",
            "*",
            "../de",
            "de\n",
            "1a",
        ] {
            assert_eq!(parsed(text), Err(Error::Invalid), "{text:?}");
        }
        assert_eq!(parsed("zh-Hant-TW-x"), Err(Error::Invalid));
        assert_eq!(parsed("zho-Hant-TW-x"), Err(Error::TooLong));
    }

    #[test]
    fn the_header_prefers_the_heaviest_language_of_mails() {
        for (header, expected) in [
            ("de", Some("de")),
            ("de-CH-1996-u-co-phonebk", Some("de-CH")),
            ("de-AT,de;q=0.9,en;q=0.8", Some("de-AT")),
            ("fr-FR,fr;q=0.9,en;q=0.8,de;q=0.7", Some("en")),
            ("en;q=0.5, de;q=0.55", Some("de")),
            ("en;q=0.5,de;q=0.5", Some("en")),
            ("de;q=0,en;q=0.001", Some("en")),
            ("de;q=0", None),
            ("fr,*;q=0.5", None),
            ("*", None),
            ("", None),
            (",, ;q=1,de;q=2,de;q=0.1234,de;q=,de;q=-1,de;x=1", None),
            ("DE ; q=1.000", Some("de")),
            ("DE ;q=1.000", Some("de")),
        ] {
            let locale = Locale::preferred(header);
            assert_eq!(locale.as_ref().map(Locale::as_str), expected, "{header}");
        }
        let late = format!("{}de", "fr,".repeat(MAX_RANGES));
        assert_eq!(Locale::preferred(&late), None);
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn a_locale_parses_to_itself(text in "[a-zA-Z]{1,9}(-[a-zA-Z0-9]{1,9}){0,4}") {
                if let Ok(locale) = Locale::parse(&text) {
                    prop_assert_eq!(Locale::parse(locale.as_str()), Ok(locale));
                }
            }

            #[test]
            fn any_header_gives_a_language_of_mails_or_none(header in ".{0,200}") {
                if let Some(locale) = Locale::preferred(&header) {
                    prop_assert!(locale.language().is_some());
                }
            }
        }
    }
}
