//! A password: what a new one must be like, and the form in which new and existing ones are compared.
//! Nothing here is logged, stored or shown; only a [`struct@Hash`] leaves this module in plain.

mod block_list;
mod hash;
mod personal_words;
mod phc;
mod similarity;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use hash::{Hash, Hasher};
pub use personal_words::PersonalWords;
pub use phc::{HashError, Params};

/// Most characters of a new password. NIST SP 800-63B-4, 3.1.1.2, asks that at least 64 be permitted.
const MAX_CHARACTERS: usize = 128;
/// Most bytes of UTF-8 in NFC, new or existing: a bound on the work that a request can ask for.
const MAX_BYTES: usize = 512;

/// The part of the rules for new passwords that a deployment can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fewest characters (Unicode scalar values in NFC). Over 128, no password is good enough.
    pub min_length: usize,
}

impl Default for Policy {
    /// Eight characters: the least that NIST SP 800-63B-4, 3.1.1.2, allows for a password used with a second
    /// factor, and the OWASP Authentication Cheat Sheet's bound for it. Both ask for 15 where there is none.
    fn default() -> Self {
        Self { min_length: 8 }
    }
}

/// A new password that keeps to the rules. No `Debug`; wiped from memory when dropped.
pub struct NewPassword(Password);

/// What somebody gave as an existing password, in NFC. No `Debug`; wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

/// Why a text is not a [`NewPassword`] or an [`Password`]. The message completes the sentence "The password …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A new password has fewer characters than the policy asks for.
    #[error("must be at least {min} characters long")]
    TooShort {
        /// What the policy asks for, in characters.
        min: usize,
    },
    /// A new password has over 128 characters, or any password over 512 bytes.
    #[error("must be at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes long")]
    TooLong,
    /// A new password has a NUL character.
    #[error("must not contain a NUL character")]
    Invalid,
    /// A new password is on the list of common ones.
    #[error("is too common")]
    TooCommon,
    /// A new password is made of what is known of its user.
    #[error("is too similar to your e-mail address, username or name")]
    TooSimilar,
}

impl NewPassword {
    /// Reads a new password: nothing is trimmed, and no kind of character is asked for (NIST SP 800-63B-4, 3.1.1.2).
    ///
    /// # Errors
    /// All of [`Error`] but [`Error::TooSimilar`].
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, Error> {
        let attempt = Password::parse(text)?;
        let characters = attempt.as_str().chars().count();
        if characters < policy.min_length {
            return Err(Error::TooShort {
                min: policy.min_length,
            });
        }
        if characters > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if attempt.as_str().contains('\0') {
            return Err(Error::Invalid);
        }
        if block_list::contains(&fold(attempt.as_str())) {
            return Err(Error::TooCommon);
        }
        Ok(Self(attempt))
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

    /// The same password as one to verify, for instance against the hash of the one it replaces.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

impl Password {
    /// Whether `text` is the same password, typed by the same person.
    #[must_use]
    pub fn is_same_as(&self, text: &str) -> bool {
        self.as_str().chars().eq(text.nfc())
    }

    /// Reads an existing password. The rules for new ones do not apply: it is right or wrong.
    ///
    /// Composed and decomposed spellings become one (NFC), since keyboards differ in them
    /// (NIST SP 800-63B-4, 3.1.1.2).
    ///
    /// # Errors
    /// [`Error::TooLong`] over 512 bytes in NFC, the only bound.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // As large as it can get, so that it never moves and leaves no copy behind.
        let mut normalised = Zeroizing::new(String::with_capacity(MAX_BYTES));
        for character in text.nfc() {
            if normalised.len() + character.len_utf8() > MAX_BYTES {
                return Err(Error::TooLong);
            }
            normalised.push(character);
        }
        Ok(Self(normalised))
    }

    fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The text in one case and NFC, for comparing without regard to case.
///
/// By way of the capitals, since some letters have several small forms (σ and ς), or one that is not a single letter in
/// capitals (ß and SS).
fn fold(text: &str) -> Zeroizing<String> {
    // No character grows to more than three times its bytes, neither in either case nor in NFC.
    let mut folded = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    let capitals = text.nfc().flat_map(char::to_uppercase);
    folded.extend(capitals.flat_map(char::to_lowercase).nfc());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> Option<Error> {
        NewPassword::parse(text, &Policy::default()).err()
    }

    #[test]
    fn accepts_any_characters_and_asks_for_no_kind_of_them() {
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
            assert_eq!(refusal(text), None, "{text:?}");
        }
    }

    #[test]
    fn counts_characters_of_the_composed_form() {
        assert_eq!(refusal("zqxjvkw"), Some(Error::TooShort { min: 8 }));
        assert_eq!(refusal("zqxjvkwy"), None);
        assert_eq!(refusal(""), Some(Error::TooShort { min: 8 }));
        assert_eq!(refusal("zqxjvke\u{301}"), Some(Error::TooShort { min: 8 }));
        assert_eq!(refusal(&"é".repeat(128)), None);
        assert_eq!(refusal(&"e\u{301}".repeat(128)), None);
        assert_eq!(refusal(&"é".repeat(129)), Some(Error::TooLong));
        assert_eq!(refusal(&"😀".repeat(128)), None);
        assert_eq!(refusal(&"😀".repeat(129)), Some(Error::TooLong));
        assert_eq!(refusal(&"x".repeat(100_000)), Some(Error::TooLong));
    }

    #[test]
    fn follows_the_minimum_that_is_set() {
        let policy = Policy { min_length: 15 };
        assert!(
            NewPassword::parse("zqxjvkwyzqxjvk", &policy)
                .is_err_and(|error| error == Error::TooShort { min: 15 })
        );
        assert!(NewPassword::parse("zqxjvkwyzqxjvkw", &policy).is_ok());
    }

    #[test]
    fn refuses_nul() {
        assert_eq!(refusal("zqxjvkwy\0"), Some(Error::Invalid));
    }

    #[test]
    fn refuses_common_passwords_whatever_their_case() {
        for text in [
            "password",
            "PassWord",
            "12345678",
            "mypassword",
            "password123",
            "iloveyou1",
            "qwertyuiop",
        ] {
            assert_eq!(refusal(text), Some(Error::TooCommon), "{text}");
        }
    }

    #[test]
    fn takes_anything_up_to_512_bytes_as_an_attempt() {
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
    fn composed_and_decomposed_spellings_are_one_password() {
        let (Ok(composed), Ok(decomposed)) =
            (Password::parse("caf\u{e9}"), Password::parse("cafe\u{301}"))
        else {
            panic!("refused");
        };
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn never_panics_and_what_is_accepted_can_be_given_again(text in prop_oneof![any::<String>(), "\\PC{0,140}"]) {
                if let Ok(password) = NewPassword::parse(&text, &Policy::default()) {
                    let _ = password.check_not_personal(&[text.as_str(), "john@example.com", ""].into_iter().collect());
                    prop_assert!(Password::parse(&text).is_ok_and(|again| again.as_str() == password.as_password().as_str()));
                }
            }

            #[test]
            fn folding_never_outgrows_its_room(text in any::<String>()) {
                prop_assert!(fold(&text).len() <= text.len() * 3);
            }
        }
    }
}
