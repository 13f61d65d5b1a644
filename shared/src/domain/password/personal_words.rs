//! The words that a user's password must not be made of.

use crate::domain::{email::EmailAddress, name::Name, username::Username};

/// A user's e-mail address, username and names: the "context-specific words" of NIST SP 800-63B-4, section 3.1.1.2. No
/// `Debug`.
#[derive(Clone, Default)]
pub struct PersonalWords(Vec<String>);

impl PersonalWords {
    /// Adds an e-mail address.
    #[must_use]
    pub fn with_email(mut self, email: &EmailAddress) -> Self {
        self.0.push(email.canonical().to_owned());
        self
    }

    /// Adds a username.
    #[must_use]
    pub fn with_username(mut self, username: &Username) -> Self {
        self.0.push(username.as_str().to_owned());
        self
    }

    /// Adds a first and a last name, each by itself and both together in either order.
    #[must_use]
    pub fn with_names(mut self, first: &Name, last: &Name) -> Self {
        let (first, last) = (first.as_str(), last.as_str());
        self.0.extend([
            first.to_owned(),
            last.to_owned(),
            format!("{first} {last}"),
            format!("{last} {first}"),
        ]);
        self
    }

    /// Returns the words.
    pub(super) fn as_strs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl<S: Into<String>> FromIterator<S> for PersonalWords {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }
}
