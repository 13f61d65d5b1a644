//! E-mail addresses: validation, the canonical form on which they are unique, and the form that mail is sent to.
//! Does not check that the mailbox exists, and treats no provider's dots or `+tags` specially.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

use crate::domain::{digest::sha256_hex, error_code::ErrorCode, lookup::Lookup};

/// Maximum length of an address in bytes: a path of 256 (RFC 5321, 4.5.3.1.3) without its angle brackets.
const MAX_BYTES: usize = 254;
/// Maximum length of a local part in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// An e-mail address whose local part is an ASCII dot-atom (RFC 5322, 3.2.3) and whose domain is a
/// valid internationalized domain name of two labels or more (UTS 46).
///
/// It has no `Debug`, `Display` or `Serialize`, so that it cannot be logged by accident.
///
/// # Examples
/// ```
/// use shared::domain::email::{EmailAddress, Error};
///
/// let Ok(email) = EmailAddress::parse(" John.Doe@BÜCHER.example ") else {
///     panic!("a valid address")
/// };
/// assert_eq!(email.as_str(), "John.Doe@BÜCHER.example");
/// assert_eq!(email.canonical(), "john.doe@xn--bcher-kva.example");
/// assert_eq!(email.mailbox(), "John.Doe@xn--bcher-kva.example");
///
/// assert_eq!(EmailAddress::parse("john@localhost").err(), Some(Error::Invalid));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    typed: String,
    canonical: String,
}

/// The canonical form of an address as stored, which later Unicode tables may compute differently.
#[derive(Clone, Serialize, Deserialize)]
pub struct CanonicalForm {
    /// Identifies the address that it was computed from: an older version changes the address without changing this.
    of: String,
    /// The canonical form.
    is: String,
}

/// The reason that a text is not an [`EmailAddress`]. The message completes the sentence "The e-mail address …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address has over 254 bytes, as typed or with its domain in ASCII, or its local part has over 64.
    #[error(
        "must be at most {MAX_BYTES} characters long, with at most {MAX_LOCAL_BYTES} before the @"
    )]
    TooLong,
    /// The text is not an e-mail address, or is in a form that is not supported.
    #[error("must be an e-mail address like name@example.com")]
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

impl EmailAddress {
    /// Parses an address. Surrounding ASCII white space is trimmed.
    ///
    /// Quoted local parts, comments, encoded words, address literals, single-label domains and a trailing dot are
    /// rejected, although RFC 5321 allows some of them: real mailboxes do not need them.
    ///
    /// # Errors
    /// [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let typed = text.trim_ascii();
        if typed.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        let (local, domain) = typed.split_once('@').ok_or(Error::Invalid)?;
        check_local_part(local)?;
        let domain = ascii_domain(domain)?;
        let canonical = format!("{}@{domain}", local.to_ascii_lowercase());
        if canonical.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        Ok(Self {
            typed: typed.to_owned(),
            canonical,
        })
    }

    /// The address in a stored record, which an earlier version may have accepted by other rules. It is not validated, so
    /// that no change of the rules or of Unicode locks a user out.
    ///
    /// The canonical form is the stored one. If there is none, it is computed: for an address in ASCII it is the address
    /// in lower case, whatever the Unicode tables.
    #[must_use]
    pub fn from_stored(typed: String, stored: Option<CanonicalForm>) -> Self {
        let stored = stored.filter(|form| !typed.is_ascii() && form.of == fingerprint(&typed));
        let canonical = match stored {
            Some(form) => form.is,
            None => lenient_canonical(&typed),
        };
        Self { typed, canonical }
    }

    /// The canonical form to store with the address. `None` for an address in ASCII, which needs no Unicode tables.
    #[must_use]
    pub fn canonical_form(&self) -> Option<CanonicalForm> {
        (!self.typed.is_ascii()).then(|| CanonicalForm {
            of: fingerprint(&self.typed),
            is: self.canonical.clone(),
        })
    }

    /// Parses the address of an account that may exist. Also accepts what the rules refuse today, since an earlier version
    /// may have accepted it.
    ///
    /// # Errors
    /// The error of [`Self::parse`] for a text that no version can have accepted: without `@`, too long, or with a control
    /// character.
    pub fn lookup(text: &str) -> Result<Lookup<Self, Error>, Error> {
        Lookup::new(Self::parse(text), || Self::parse_leniently(text))
    }

    fn parse_leniently(text: &str) -> Option<Self> {
        let typed = text.trim_ascii();
        let is_plausible = typed.len() <= MAX_BYTES
            && typed.contains('@')
            && !typed
                .chars()
                .any(|character| character.is_control() || character == ' ');
        is_plausible.then(|| Self::from_stored(typed.to_owned(), None))
    }

    /// The address as typed, without surrounding white space: the form to display.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The local part in lower case and the domain as lower-case A-labels: the form on which accounts are unique.
    ///
    /// RFC 5321 lets a host distinguish `Bob` from `bob`, but no major provider does, and two accounts that differ only
    /// in case would invite impersonation.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The local part as typed and the domain as A-labels: the form a mail is sent to.
    ///
    /// The local part keeps its case because its host may be case-sensitive; the domain is in ASCII because Amazon SES
    /// requires it. At most 254 bytes.
    #[must_use]
    pub fn mailbox(&self) -> String {
        let (local, _) = self.typed.rsplit_once('@').unwrap_or_default();
        let domain = self.canonical.split('@').next_back().unwrap_or_default();
        format!("{local}@{domain}")
    }

    /// The SHA-256 hash of the canonical form, as 64 lower-case hexadecimal digits: identifies an address without
    /// containing it.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.canonical.as_bytes())
    }
}

/// Identifies an address as typed: the first 64 bits of its SHA-256 hash, in hex.
fn fingerprint(typed: &str) -> String {
    sha256_hex(typed.as_bytes()).chars().take(16).collect()
}

/// The canonical form of an address of any kind: the domain as A-labels if UTS 46 can convert it, or else in lower case.
fn lenient_canonical(typed: &str) -> String {
    let Some((local, domain)) = typed.rsplit_once('@') else {
        return typed.to_lowercase();
    };
    let domain = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
    };
    format!("{}@{domain}", local.to_lowercase())
}

fn check_local_part(local: &str) -> Result<(), Error> {
    if !local.split('.').all(is_atom) || has_encoded_word(local) {
        return Err(Error::Invalid);
    }
    if local.len() > MAX_LOCAL_BYTES {
        return Err(Error::TooLong);
    }
    Ok(())
}

/// Returns true for one or more characters of `atext` (RFC 5322, 3.2.3).
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

/// Returns true if the local part contains an encoded word (RFC 2047, 2), `=?charset?q?text?=`. These are not allowed
/// in addresses (5), but some mail software decodes them and then sends to a different address.
fn has_encoded_word(local: &str) -> bool {
    let parts: Vec<_> = local.split('?').collect();
    parts.windows(5).any(|part| {
        matches!(part, [before, charset, encoding, _, after]
            if before.ends_with('=')
                && !charset.is_empty()
                && (encoding.eq_ignore_ascii_case("b") || encoding.eq_ignore_ascii_case("q"))
                && after.starts_with('='))
    })
}

/// Hyphens in the third and fourth position are allowed, since such names are registered and in use.
const HYPHENS: Hyphens = Hyphens::CheckFirstLast;

/// Converts a domain to lower-case A-labels.
fn ascii_domain(domain: &str) -> Result<String, Error> {
    if domain.chars().any(is_invisible) {
        return Err(Error::Invalid);
    }
    let ascii = to_ascii(domain)?;
    // The library accepts A-labels that decode to an invalid domain, such as to another A-label.
    let (unicode, _) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, HYPHENS);
    if to_ascii(&unicode)? != ascii {
        return Err(Error::Invalid);
    }
    let (_, top_level) = ascii.rsplit_once('.').ok_or(Error::Invalid)?;
    // RFC 1123, 2.1: this distinguishes a name from an IPv4 address, including one in hexadecimal.
    if !top_level.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(Error::Invalid);
    }
    Ok(ascii)
}

fn to_ascii(domain: &str) -> Result<String, Error> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            HYPHENS,
            DnsLength::Verify,
        )
        .map(Cow::into_owned)
        .map_err(|_| Error::Invalid)
}

/// Returns true for characters that UTS 46 removes or keeps although they are not displayed: the code points with the
/// property `Default_Ignorable_Code_Point`, and the separators and directional marks. Excludes the joiners U+200C and
/// U+200D: UTS 46 keeps them, and allows them only where a script needs them.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'
            | '\u{200E}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod label_tests;
#[cfg(test)]
mod tests;
