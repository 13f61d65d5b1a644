//! Roles: names that the operator gives to users and that other services find in access tokens. Latchkey itself attaches no
//! meaning to them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Maximum number of roles of a user.
pub const MAX_ROLES: usize = 20;

/// Maximum length of a role's name in characters.
const MAX_CHARACTERS: usize = 50;

/// The name of a role: 1 to 50 characters of `A–Z a–z 0–9 . _ : -`. Case-sensitive.
///
/// No name contains a space, so that names can be joined in the claim `scope` (RFC 6749, section 3.3).
///
/// ```
/// use shared::domain::role::RoleName;
///
/// assert_eq!(RoleName::parse("orders:read")?.as_str(), "orders:read");
/// assert!(RoleName::parse("orders read").is_err());
/// # Ok::<_, shared::domain::role::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoleName(String);

/// The reason that a text is not a [`RoleName`]. The message completes the sentence "The role …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is empty.
    #[error("must not be empty")]
    TooShort,
    /// The text has over 50 characters.
    #[error("must be at most {MAX_CHARACTERS} characters long")]
    TooLong,
    /// The text has a character that is not allowed.
    #[error("may contain only the letters A to Z, digits, and . _ : -")]
    Invalid,
}

impl RoleName {
    /// Parses a name. Nothing is trimmed.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::TooLong`] or [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::TooShort);
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Error::TooLong);
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
        {
            return Err(Error::Invalid);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The roles of a user, in the order of their names.
///
/// Reading is lenient: stored names that are not valid, written by other means than `admin`, are left out, since they must
/// neither lock the user out nor appear in a token. The limit of [`MAX_ROLES`] applies to additions only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<String>")]
pub struct Roles(BTreeSet<RoleName>);

impl From<BTreeSet<String>> for Roles {
    fn from(stored: BTreeSet<String>) -> Self {
        let names = stored.iter().map(|name| RoleName::parse(name));
        Self(names.filter_map(Result::ok).collect())
    }
}

impl Roles {
    /// Returns true if the user has no role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if the user has this role.
    #[must_use]
    pub fn contains(&self, role: &RoleName) -> bool {
        self.0.contains(role)
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(RoleName::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_1_to_50_characters() {
        assert_eq!(RoleName::parse(""), Err(Error::TooShort));
        assert!(RoleName::parse("a").is_ok());
        assert!(RoleName::parse(&"a".repeat(50)).is_ok());
        assert_eq!(RoleName::parse(&"a".repeat(51)), Err(Error::TooLong));
        // Characters, not bytes, are counted.
        assert_eq!(RoleName::parse(&"é".repeat(50)), Err(Error::Invalid));
    }

    #[test]
    fn letters_digits_and_four_signs_are_allowed() {
        for valid in ["admin", "Orders:read", "a.b_c-d", "7"] {
            assert_eq!(RoleName::parse(valid).unwrap().as_str(), valid);
        }
        for invalid in [
            " a", "a ", "a b", "a,b", "a\"", "a\\", "ä", "a\n", "a/b", "*",
        ] {
            assert_eq!(RoleName::parse(invalid), Err(Error::Invalid), "{invalid:?}");
        }
    }

    #[test]
    fn invalid_stored_names_are_left_out() {
        let stored = ["b", "a", "", "two words", &"x".repeat(51)].map(str::to_owned);
        let roles = Roles::from(BTreeSet::from(stored));
        assert_eq!(roles.names().collect::<Vec<_>>(), ["a", "b"]);
        assert!(roles.contains(&RoleName::parse("a").unwrap()));
        assert!(!roles.contains(&RoleName::parse("A").unwrap()));
        assert!(Roles::from(BTreeSet::from(["two words".to_owned()])).is_empty());
    }

    #[test]
    fn more_than_the_limit_is_read() {
        let stored: BTreeSet<_> = (0..30).map(|number| format!("role{number}")).collect();
        assert_eq!(Roles::from(stored).names().count(), 30);
    }
}
