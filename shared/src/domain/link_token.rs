//! The token in a link that is mailed to a user: `<user id in base 36>-<secret in hex>`, as in `49v-6bf384458f725125c0b7`.
//! Only the hash is stored; the token itself exists only in the mail.

mod stored;

use zeroize::Zeroizing;

use crate::domain::{
    digest::{hex, sha256_hex},
    user_id::UserId,
};

pub use self::stored::{AddressBinding, Binding, CredentialsBinding, StoredToken};

/// Length of the secret in bytes: 160 random bits, more than the 128 that make a secret infeasible to guess
/// (NIST SP 800-63B-4, section 3.1.2).
pub const SECRET_BYTES: usize = 20;

/// The token of a link. A secret: no `Debug`, never logged, never stored.
pub struct LinkToken {
    user: UserId,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// The text is not the token of a link.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the token of a link")]
pub struct Error;

impl LinkToken {
    /// Creates the token for `user` from a fresh random secret.
    #[must_use]
    pub fn issue(user: UserId, secret: [u8; SECRET_BYTES]) -> Self {
        Self {
            user,
            secret: Zeroizing::new(secret),
        }
    }

    /// Parses a token exactly as issued: lower case, no padding, no surrounding white space.
    ///
    /// # Errors
    /// [`Error`] for any text that [`Self::text`] cannot return.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (user, secret) = text.split_once('-').ok_or(Error)?;
        Ok(Self {
            user: parse_base36(user)?,
            secret: parse_hex(secret)?,
        })
    }

    /// The user that the token was sent to.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The token as text, for the link.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "{}-{}",
            base36(self.user),
            hex(self.secret.as_ref())
        ))
    }

    /// The SHA-256 hash of the secret in hex, for storage. A fast hash is sufficient, since the secret is long and
    /// random.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.secret.as_ref())
    }
}

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn base36(user: UserId) -> String {
    let mut number = user.number();
    let mut digits = Vec::new();
    while number > 0 {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        digits.extend(BASE36.get(digit).copied().map(char::from));
        number /= 36;
    }
    digits.iter().rev().collect()
}

fn parse_base36(text: &str) -> Result<UserId, Error> {
    let is_canonical = text.bytes().all(|byte| BASE36.contains(&byte)) && !text.starts_with('0');
    let number = u64::from_str_radix(text, 36).map_err(|_| Error)?;
    if is_canonical {
        UserId::new(number).map_err(|_| Error)
    } else {
        Err(Error)
    }
}

fn parse_hex(text: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, Error> {
    let is_lower_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != 2 * SECRET_BYTES || !text.as_bytes().iter().all(is_lower_hex) {
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

    fn token() -> LinkToken {
        LinkToken::issue(
            UserId::from_random([0, 0, 0, 0, 0, 0, 0x15, 0xdb]),
            [0xab; SECRET_BYTES],
        )
    }

    #[test]
    fn text_is_base_36_user_and_hex_secret() {
        assert_eq!(token().text().as_str(), format!("4bf-{}", "ab".repeat(20)));
    }

    #[test]
    fn parses_only_the_exact_text_that_was_issued() {
        let good = token().text();
        assert!(LinkToken::parse(&good).is_ok());
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
            assert!(LinkToken::parse(&bad).is_err(), "{bad}");
        }
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn every_token_parses_to_itself(id in 1..=UserId::MAX, secret: [u8; SECRET_BYTES]) {
                let token = LinkToken::issue(UserId::new(id).unwrap(), secret);
                let parsed = LinkToken::parse(&token.text()).unwrap();
                prop_assert_eq!(parsed.user(), token.user());
                prop_assert_eq!(parsed.hash(), token.hash());
            }

            #[test]
            fn a_parsed_token_formats_to_the_same_text(text in ".{0,80}") {
                if let Ok(token) = LinkToken::parse(&text) {
                    prop_assert_eq!(token.text().to_string(), text);
                }
            }
        }
    }
}
