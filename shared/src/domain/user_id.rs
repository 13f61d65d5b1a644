//! User ids. Random numbers, so that there is no hot counter and ids do not reveal the number of users.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::error_code::ErrorCode;

/// A user's id: 1 to 2^53-1, the integers that every JSON reader keeps exact (RFC 8259, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(u64);

/// The text or number is not a user id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 1 to 9007199254740991, in decimal digits without leading zeros")]
pub struct Error;

impl ErrorCode for Error {
    fn code(&self) -> &'static str {
        "invalid"
    }
}

impl UserId {
    /// The largest id, 2^53-1.
    pub const MAX: u64 = (1 << 53) - 1;

    /// An id that no user has: stands for the missing user where a request for an unknown address does the same work as
    /// for a known one. [`Self::new`] and [`Self::from_random`] never return it.
    pub const PLACEHOLDER: Self = Self(0);

    /// Parses ASCII digits without sign or leading zeros.
    ///
    /// # Errors
    /// [`Error`] for any other text, for zero and for numbers above [`Self::MAX`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse().map_err(|_| Error)?;
        if is_canonical {
            Self::new(number)
        } else {
            Err(Error)
        }
    }

    /// The id with this number.
    ///
    /// # Errors
    /// [`Error`] for zero and for numbers above [`Self::MAX`].
    pub const fn new(number: u64) -> Result<Self, Error> {
        match number {
            1..=Self::MAX => Ok(Self(number)),
            _ => Err(Error),
        }
    }

    /// The id made of the low 53 bits of eight random bytes; zero becomes one.
    #[must_use]
    pub fn from_random(bytes: [u8; 8]) -> Self {
        Self((u64::from_be_bytes(bytes) & Self::MAX).max(1))
    }

    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_canonical_positive_integers() {
        for good in ["1", "21", "9007199254740991"] {
            assert_eq!(
                UserId::parse(good).map(|id| id.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "01",
            "1.0",
            "1e3",
            " 1",
            "1 ",
            "9007199254740992",
            "9223372036854775808",
            "٣",
            "1_0",
        ] {
            assert_eq!(UserId::parse(bad), Err(Error), "{bad}");
        }
    }

    #[test]
    fn random_ids_are_in_range() {
        assert_eq!(UserId::from_random([0; 8]).number(), 1);
        assert_eq!(UserId::from_random([255; 8]).number(), UserId::MAX);
    }
}
