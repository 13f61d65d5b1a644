//! Passwords: the rules for new ones, and the normalized form in which all are hashed and compared.
//! A password is never logged, stored or displayed; only its [`struct@Hash`] can leave this module as text.

mod block_list;
mod hash;
mod personal_words;
mod phc;
mod similarity;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::domain::error_code::ErrorCode;

pub use hash::{Hash, Hasher};
pub use personal_words::PersonalWords;
pub use phc::{HashError, Params};

/// Maximum length of a new password in characters. NIST SP 800-63B-4, 3.1.1.2, recommends 64 or more.
const MAX_CHARACTERS: usize = 128;
/// Maximum length of any password, new or existing, in bytes of UTF-8 in NFC: bounds the work of a request.
const MAX_BYTES: usize = 512;

/// The configurable part of the rules for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Minimum length in characters (Unicode scalar values in NFC). Over 128, every new password is rejected.
    pub min_length: usize,
}

impl Default for Policy {
    /// Eight characters: the minimum of NIST SP 800-63B-4, 3.1.1.2, for a password used with a second factor, and of
    /// the OWASP Authentication Cheat Sheet. Both set the minimum to 15 for a password used alone.
    fn default() -> Self {
        Self { min_length: 8 }
    }
}

/// A new password that meets the policy. No `Debug`; wiped from memory when dropped.
pub struct NewPassword(Password);

/// A password as a client sent it, in NFC. No `Debug`; wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

/// The reason that a text is not a [`NewPassword`] or a [`Password`]. The message completes the sentence "The password
/// …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A new password has fewer characters than the policy requires.
    #[error("must be at least {min} characters long")]
    TooShort {
        /// The minimum length of the policy, in characters.
        min: usize,
    },
    /// A new password has over 128 characters, or any password has over 512 bytes.
    #[error("must be at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes long")]
    TooLong,
    /// A new password has a NUL character.
    #[error("must not contain a NUL character")]
    Invalid,
    /// A new password is on the list of common ones.
    #[error("is too common")]
    TooCommon,
    /// A new password consists mostly of the user's personal data.
    #[error("is too similar to your e-mail address, username or name")]
    TooSimilar,
}

impl ErrorCode for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
            Self::TooCommon => "too_common",
            Self::TooSimilar => "too_similar",
        }
    }
}

impl NewPassword {
    /// Parses a new password. Nothing is trimmed, and no character classes are required (NIST SP 800-63B-4, 3.1.1.2).
    ///
    /// # Errors
    /// Any [`Error`] except [`Error::TooSimilar`].
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, Error> {
        let password = Password::parse(text)?;
        let characters = password.as_str().chars().count();
        if characters < policy.min_length {
            return Err(Error::TooShort {
                min: policy.min_length,
            });
        }
        if characters > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if password.as_str().contains('\0') {
            return Err(Error::Invalid);
        }
        if block_list::contains(&fold(password.as_str())) {
            return Err(Error::TooCommon);
        }
        Ok(Self(password))
    }

    /// Reads a new password that is also not made of `words`: [`Self::parse`] and [`Self::check_not_personal`].
    ///
    /// # Errors
    /// All of [`Error`].
    pub fn parse_for(text: &str, policy: &Policy, words: &PersonalWords) -> Result<Self, Error> {
        let password = Self::parse(text, policy)?;
        password.check_not_personal(words)?;
        Ok(password)
    }

    /// Rejects a password that is little more than the user's own words (NIST SP 800-63B-4, section 3.1.1.2:
    /// "context-specific words").
    ///
    /// Letter case, diacritical marks and direction do not matter. All words of three characters or more, their parts
    /// between punctuation, and the labels of four or more of an address's domain except for its last are removed from
    /// the password. If there were any, and what remains has fewer than 8 characters with fewer than 4 letters among
    /// them, the password is rejected: `johndoe2024!` for John Doe, but not `johnlovescats`.
    ///
    /// # Errors
    /// [`Error::TooSimilar`].
    pub fn check_not_personal(&self, words: &PersonalWords) -> Result<(), Error> {
        if similarity::is_made_of(self.0.as_str(), &words.as_strs()) {
            Err(Error::TooSimilar)
        } else {
            Ok(())
        }
    }

    /// The same password in the form that can be verified, for instance against the hash of the one it replaces.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

impl Password {
    /// Returns true if `text` is the same password in NFC. Not in constant time: both must come from the same client.
    #[must_use]
    pub fn is_same_as(&self, text: &str) -> bool {
        self.as_str().chars().eq(text.nfc())
    }

    /// Parses an existing password. The rules for new passwords do not apply.
    ///
    /// Composed and decomposed spellings become the same (NFC), since keyboards differ in them
    /// (NIST SP 800-63B-4, 3.1.1.2).
    ///
    /// # Errors
    /// [`Error::TooLong`] over 512 bytes in NFC; there is no other limit.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // The full capacity at once: a reallocation would leave a copy in memory.
        let mut normalized = Zeroizing::new(String::with_capacity(MAX_BYTES));
        for character in text.nfc() {
            if normalized.len() + character.len_utf8() > MAX_BYTES {
                return Err(Error::TooLong);
            }
            normalized.push(character);
        }
        Ok(Self(normalized))
    }

    fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Normalizes a text to lower case and NFC, for case-insensitive comparison.
///
/// Converts to upper case first, since some letters have several lower-case forms (σ and ς), or an upper-case form of
/// several letters (ß and SS).
fn fold(text: &str) -> Zeroizing<String> {
    // Neither case mapping nor NFC makes a character more than three times as long in bytes.
    let mut folded = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    let upper = text.nfc().flat_map(char::to_uppercase);
    folded.extend(upper.flat_map(char::to_lowercase).nfc());
    folded
}

#[cfg(test)]
mod tests;
