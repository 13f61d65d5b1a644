//! The ways in which an operator identifies a user: by e-mail address, username or id.

use std::{fmt, str::FromStr};

use shared::domain::{email::EmailAddress, user::User, user_id::UserId, username::Username};

use crate::{connection::Context, error::Error};

/// A user as identified by the operator.
#[derive(Clone)]
pub(crate) enum UserRef {
    Email(EmailAddress),
    Username(Username),
    Id(UserId),
    /// Digits alone: the id of one user, and perhaps the username of another.
    Digits(UserId, Username),
}

impl FromStr for UserRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A stored name may break today's rules, and an operator must be able to name its user.
        let username = |text| {
            let lookup = Username::lookup(text);
            lookup
                .map(|lookup| lookup.name)
                .map_err(|error| format!("a username {error}"))
        };
        let id = |text| UserId::parse(text).map_err(|error| format!("an id {error}"));
        if let Some(rest) = text.strip_prefix("id:") {
            return id(rest).map(Self::Id);
        }
        if let Some(rest) = text.strip_prefix("username:") {
            return username(rest).map(Self::Username);
        }
        if text.contains('@') {
            let lookup =
                EmailAddress::lookup(text).map_err(|error| format!("an e-mail address {error}"))?;
            return Ok(Self::Email(lookup.name));
        }
        match UserId::parse(text) {
            Ok(id) => Ok(Self::Digits(id, username(text)?)),
            Err(_) => username(text).map(Self::Username),
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(email) => write!(formatter, "the e-mail address {}", email.as_str()),
            Self::Username(username) => write!(formatter, "the username {}", username.as_str()),
            Self::Id(id) => write!(formatter, "the id {id}"),
            Self::Digits(id, _) => write!(formatter, "the id or username {id}"),
        }
    }
}

impl UserRef {
    /// Returns the user, who may be disabled, if there is one.
    pub(crate) async fn find(&self, context: &Context) -> Result<Option<User>, Error> {
        let users = context.users.with_disabled();
        let id = match self {
            Self::Email(email) => users.id_by_email(email).await?,
            Self::Username(username) => users.id_by_username(username).await?,
            Self::Id(id) => Some(*id),
            Self::Digits(id, username) => {
                let by_name = users.id_by_username(username).await?;
                let by_id = users.by_id(*id).await?;
                match (by_id, by_name) {
                    (Some(user), Some(other)) if user.id != other => {
                        return Err(Error::message(format!(
                            "{id} is the id of one user and the username of another; write id:{id} or username:{id}"
                        )));
                    }
                    (Some(user), _) => return Ok(Some(user)),
                    (None, by_name) => by_name,
                }
            }
        };
        match id {
            Some(id) => Ok(users.by_id(id).await?),
            None => Ok(None),
        }
    }

    /// Returns the user, or an error if there is none.
    pub(crate) async fn require(&self, context: &Context) -> Result<User, Error> {
        let user = self.find(context).await?;
        user.ok_or_else(|| Error::message(format!("no user has {self}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_identified_by_email_username_or_id() {
        let describe = |text: &str| {
            text.parse::<UserRef>()
                .map_or_else(|error| error, |user| user.to_string())
        };
        assert_eq!(
            describe("Ann@example.com"),
            "the e-mail address Ann@example.com"
        );
        assert_eq!(describe("ann"), "the username ann");
        assert_eq!(describe("12"), "the id or username 12");
        assert_eq!(describe("id:12"), "the id 12");
        assert_eq!(describe("username:12"), "the username 12");
        assert_eq!(describe("ann smith"), "the username ann smith");
        assert!(describe("ann\nsmith").starts_with("a username may contain"));
        assert!(describe("a\n@").starts_with("an e-mail address must"));
        assert!(describe("id:0").starts_with("an id must"));
    }
}
