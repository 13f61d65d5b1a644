//! The token in a password reset link: `<user id in base 36>-<secret in hex>`, as in `49v-6bf384458f725125c0b7`.
//! Only its hash is ever stored; the token itself is in the mail alone.

mod stored;

use zeroize::Zeroizing;

use crate::domain::{
    digest::{hex, sha256_hex},
    user_id::UserId,
};

pub use self::stored::StoredResetToken;

/// Bytes of the secret: 160 random bits, more than the 128 that a secret needs to be beyond guessing
/// (NIST SP 800-63B-4, section 3.1.2).
pub const SECRET_BYTES: usize = 20;

/// A reset token as it stands in a link. A secret: no `Debug`, never logged, never stored.
pub struct ResetToken {
    user: UserId,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// The text does not have the shape of a reset token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a reset token")]
pub struct Error;

impl ResetToken {
    /// The token for `user` with a fresh random secret.
    #[must_use]
    pub fn issue(user: UserId, secret: [u8; SECRET_BYTES]) -> Self {
        Self {
            user,
            secret: Zeroizing::new(secret),
        }
    }

    /// Reads a token exactly as it was issued: lower case, no padding, nothing around it.
    ///
    /// # Errors
    /// [`Error`] for anything that [`Self::issue`] could not have made.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (user, secret) = text.split_once('-').ok_or(Error)?;
        Ok(Self {
            user: parse_base36(user)?,
            secret: parse_hex(secret)?,
        })
    }

    /// The user whose password it resets.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The text for the link.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "{}-{}",
            base36(self.user),
            hex(self.secret.as_ref())
        ))
    }

    /// What is stored: SHA-256 of the secret, in hex. A fast hash will do, since the secret is random and long.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.secret.as_ref())
    }
}

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn base36(user: UserId) -> String {
    let mut rest = user.number();
    let mut digits = Vec::new();
    while rest > 0 {
        let digit = usize::try_from(rest % 36).unwrap_or_default();
        digits.extend(BASE36.get(digit).copied().map(char::from));
        rest /= 36;
    }
    digits.iter().rev().collect()
}

fn parse_base36(text: &str) -> Result<UserId, Error> {
    let plain = text.bytes().all(|byte| BASE36.contains(&byte)) && !text.starts_with('0');
    let number = u64::from_str_radix(text, 36).map_err(|_| Error)?;
    if plain {
        UserId::new(number).map_err(|_| Error)
    } else {
        Err(Error)
    }
}

fn parse_hex(text: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, Error> {
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != 2 * SECRET_BYTES || !text.as_bytes().iter().all(lower) {
        return Err(Error);
    }
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| Error)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| Error)?;
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> ResetToken {
        ResetToken::issue(
            UserId::from_random([0, 0, 0, 0, 0, 0, 0x15, 0xdb]),
            [0xab; SECRET_BYTES],
        )
    }

    #[test]
    fn a_token_has_the_seeds_shape() {
        assert_eq!(token().text().as_str(), format!("4bf-{}", "ab".repeat(20)));
    }

    #[test]
    fn only_the_very_text_that_was_issued_is_read() {
        let good = token().text();
        assert!(ResetToken::parse(&good).is_ok());
        let (user, secret) = good.split_once('-').unwrap();
        for bad in [
            String::new(),
            "-".to_owned(),
            format!("{user}{secret}"),
            format!("{user}-"),
            format!("-{secret}"),
            format!("0{user}-{secret}"),
            format!("+{user}-{secret}"),
            format!("0-{secret}"),
            format!("{}-{secret}", user.to_uppercase()),
            format!("{user}-{}", secret.to_uppercase()),
            format!("{user}-{secret}00"),
            format!("{user}-{secret}="),
            format!(" {user}-{secret}"),
            format!("{user}-{secret}\n"),
            format!("{user}-+{}", &secret[1..]),
            format!("zzzzzzzzzzzzz-{secret}"),
            format!("{user}-{}", "a".repeat(10_000)),
        ] {
            assert!(ResetToken::parse(&bad).is_err(), "{bad}");
        }
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn every_token_is_read_back(id in 1..=UserId::MAX, secret: [u8; SECRET_BYTES]) {
                let token = ResetToken::issue(UserId::new(id).unwrap(), secret);
                let read = ResetToken::parse(&token.text()).unwrap();
                prop_assert_eq!(read.user(), token.user());
                prop_assert_eq!(read.hash(), token.hash());
            }

            #[test]
            fn whatever_is_read_is_what_would_be_written(text in ".{0,80}") {
                if let Ok(token) = ResetToken::parse(&text) {
                    prop_assert_eq!(token.text().to_string(), text);
                }
            }
        }
    }
}
