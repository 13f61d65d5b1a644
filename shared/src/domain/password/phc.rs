//! The text form of a password hash: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<output>` (PHC string format).
//! Parses only hashes that this service can have written, with any parameters within its bounds.

use argon2::{Algorithm, Argon2, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use zeroize::Zeroizing;

/// Maximum length of a hash in bytes. The largest salt and output give 227.
const MAX_LENGTH: usize = 256;
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// The cost parameters of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Memory in KiB.
    pub m_cost: u32,
    /// Number of passes over the memory.
    pub t_cost: u32,
    /// Number of lanes.
    pub p_cost: u32,
}

/// The reason that a password could not be hashed or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The stored text is not an Argon2id hash, or its parameters are out of bounds.
    #[error("the stored password hash is unreadable or its parameters are out of bounds")]
    Unreadable,
    /// The configured parameters are out of bounds.
    #[error("the parameters for password hashes are out of bounds")]
    Params,
    /// Argon2 itself failed.
    #[error("argon2 failed")]
    Argon2(#[source] argon2::Error),
}

/// A parsed hash.
pub(super) struct Phc {
    pub params: Params,
    pub salt: Vec<u8>,
    pub output: Zeroizing<Vec<u8>>,
}

impl Params {
    /// One of the minimum configurations that the OWASP Password Storage Cheat Sheet recommends.
    pub const OWASP: Self = Self {
        m_cost: 19_456,
        t_cost: 2,
        p_cost: 1,
    };

    /// Returns true if Argon2 accepts the parameters and they are at most 64 MiB, 10 passes and 4 lanes, so that a run
    /// takes some tenths of a second.
    pub(super) fn are_within_bounds(self) -> bool {
        self.m_cost <= 65_536 && self.t_cost <= 10 && self.p_cost <= 4 && self.context(32).is_ok()
    }

    /// Argon2id with these parameters and an output of `output_bytes`.
    ///
    /// # Errors
    /// [`HashError::Argon2`] if Argon2 does not accept the parameters.
    pub(super) fn context(self, output_bytes: usize) -> Result<Argon2<'static>, HashError> {
        let params = argon2::Params::new(self.m_cost, self.t_cost, self.p_cost, Some(output_bytes))
            .map_err(HashError::Argon2)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::OWASP
    }
}

impl Phc {
    /// Parses a stored hash.
    ///
    /// # Errors
    /// [`HashError::Unreadable`] unless the text has exactly this form, with parameters within the bounds.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_LENGTH {
            return Err(HashError::Unreadable);
        }
        let mut fields = text.split('$');
        let mut next = || fields.next().ok_or(HashError::Unreadable);
        if [next()?, next()?, next()?] != ["", "argon2id", "v=19"] {
            return Err(HashError::Unreadable);
        }
        let (params, salt, output) = (next()?, next()?, next()?);
        if fields.next().is_some() {
            return Err(HashError::Unreadable);
        }
        let params = parse_params(params).ok_or(HashError::Unreadable)?;
        if !params.are_within_bounds() {
            return Err(HashError::Unreadable);
        }
        Ok(Self {
            params,
            salt: decode(salt, &SALT_BYTES)?,
            output: Zeroizing::new(decode(output, &OUTPUT_BYTES)?),
        })
    }
}

/// Formats a hash as text.
pub(super) fn format(params: Params, salt: &[u8], output: &[u8]) -> String {
    let Params {
        m_cost,
        t_cost,
        p_cost,
    } = params;
    format!(
        "$argon2id$v=19$m={m_cost},t={t_cost},p={p_cost}${}${}",
        BASE64.encode(salt),
        BASE64.encode(output)
    )
}

fn parse_params(text: &str) -> Option<Params> {
    let mut fields = text.split(',');
    let m_cost = number(fields.next()?.strip_prefix("m=")?)?;
    let t_cost = number(fields.next()?.strip_prefix("t=")?)?;
    let p_cost = number(fields.next()?.strip_prefix("p=")?)?;
    fields.next().is_none().then_some(Params {
        m_cost,
        t_cost,
        p_cost,
    })
}

/// Parses a decimal number without sign or leading zero.
fn number(text: &str) -> Option<u32> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_canonical {
        text.parse().ok()
    } else {
        None
    }
}

fn decode(text: &str, lengths: &std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, HashError> {
    let decoded = BASE64.decode(text).map_err(|_| HashError::Unreadable)?;
    if lengths.contains(&decoded.len()) {
        Ok(decoded)
    } else {
        Err(HashError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const OUTPUT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn formats_what_it_parsed() {
        let text = format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${OUTPUT}");
        let Ok(phc) = Phc::parse(&text) else {
            panic!("unreadable")
        };
        assert!(phc.params == Params::OWASP);
        assert_eq!(phc.salt, b"somesaltsomesalt");
        assert_eq!(super::format(phc.params, &phc.salt, &phc.output), text);
    }

    #[test]
    fn parses_the_largest_hash_within_bounds() {
        let text = super::format(
            Params {
                m_cost: 65_536,
                t_cost: 10,
                p_cost: 4,
            },
            &[7; 64],
            &[7; 64],
        );
        assert!(text.len() <= MAX_LENGTH);
        assert!(Phc::parse(&text).is_ok());
    }

    #[test]
    fn rejects_malformed_foreign_and_excessive_hashes() {
        let good = format!("$argon2id$v=19$m=64,t=2,p=1${SALT}${OUTPUT}");
        assert!(Phc::parse(&good).is_ok());
        for (part, replacement) in [
            ("argon2id", "argon2i"),
            ("argon2id", "argon2d"),
            ("argon2id", "scrypt"),
            ("argon2id", "ARGON2ID"),
            ("v=19", "v=16"),
            ("v=19", "v=19 "),
            ("v=19$", ""),
            ("$argon2id", "argon2id"),
            ("$argon2id", "$$argon2id"),
            ("m=64", "m=65537"),
            ("m=64", "m=4294967295"),
            ("m=64", "m=4294967296"),
            ("m=64", "m=7"),
            ("m=64", "m=0"),
            ("m=64", "m=-64"),
            ("m=64", "m=+64"),
            ("m=64", "m=064"),
            ("m=64", "m="),
            ("m=64", "m"),
            ("m=64,", ""),
            ("m=64,t=2", "t=2,m=64"),
            ("t=2", "t=0"),
            ("t=2", "t=11"),
            ("p=1", "p=0"),
            ("p=1", "p=5"),
            ("m=64,t=2,p=1", "m=24,t=2,p=4"),
            ("p=1", "p=1,keyid=AAAA"),
            ("p=1", "p=1,data=AAAA"),
            ("p=1", "p=1,"),
            (SALT, ""),
            (SALT, "c29tZQ"),
            (SALT, "c29tZXNhbHRzb21lc2FsdA=="),
            (SALT, "c29tZXNhbHRzb21lc2FsdB"),
            (SALT, "c29tZXNhbHR-b21lc2FsdA"),
            (OUTPUT, ""),
            (OUTPUT, "AAECAwQ"),
            (OUTPUT, "!"),
        ] {
            let bad = good.replacen(part, replacement, 1);
            assert!(Phc::parse(&bad).is_err(), "{bad}");
        }
        for end in ["$", "$AAAA", " ", "\n", "="] {
            assert!(Phc::parse(&format!("{good}{end}")).is_err(), "{end:?}");
        }
        for bad in [
            "",
            "$",
            "$$$$$",
            "$argon2id",
            "password",
            "!",
            "{bcrypt}$2b$12$x",
        ] {
            assert!(Phc::parse(bad).is_err(), "{bad}");
        }
        assert!(Phc::parse(&good.replace(OUTPUT, &"A".repeat(88))).is_err());
        assert!(Phc::parse(&good.replace(OUTPUT, &"A".repeat(1_000_000))).is_err());
    }

    mod case_45_any_input {
        use super::*;

        proptest! {
            #[test]
            fn a_parsed_hash_formats_to_the_same_text(text in prop_oneof![any::<String>(), "\\$argon2id\\$v=19\\$m=[0-9]{1,11},t=[0-9]{1,3},p=[0-9]{1,3}\\$[A-Za-z0-9+/]{0,90}\\$[A-Za-z0-9+/]{0,90}"]) {
                if let Ok(phc) = Phc::parse(&text) {
                    prop_assert_eq!(super::super::format(phc.params, &phc.salt, &phc.output), text);
                }
            }
        }
    }
}
