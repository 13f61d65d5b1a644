//! How an operator names a user: by e-mail, username or id.

use std::{fmt, str::FromStr};

use shared::domain::{email::EmailAddress, user::User, user_id::UserId, username::Username};

use crate::{connection::Admin, failure::Failure};

/// A user as the operator named them.
#[derive(Clone)]
pub(crate) enum Whom {
    Email(EmailAddress),
    Username(Username),
    Id(UserId),
    /// Digits alone: the id of one user, and perhaps the username of another.
    Digits(UserId, Username),
}

impl FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let username = |text| Username::parse(text).map_err(|error| format!("a username {error}"));
        let id = |text| UserId::parse(text).map_err(|error| format!("an id {error}"));
        if let Some(rest) = text.strip_prefix("id:") {
            return id(rest).map(Self::Id);
        }
        if let Some(rest) = text.strip_prefix("username:") {
            return username(rest).map(Self::Username);
        }
        if text.contains('@') {
            let email = EmailAddress::parse(text).map_err(|error| format!("an e-mail {error}"))?;
            return Ok(Self::Email(email));
        }
        match UserId::parse(text) {
            Ok(id) => Ok(Self::Digits(id, username(text)?)),
            Err(_) => username(text).map(Self::Username),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(email) => write!(formatter, "the e-mail {}", email.as_str()),
            Self::Username(username) => write!(formatter, "the username {}", username.as_str()),
            Self::Id(id) => write!(formatter, "the id {id}"),
            Self::Digits(id, _) => write!(formatter, "the id or username {id}"),
        }
    }
}

impl Whom {
    /// The user, if there is one.
    pub(crate) async fn find(&self, admin: &Admin) -> Result<Option<User>, Failure> {
        let id = match self {
            Self::Email(email) => admin.users.id_by_email(email).await?,
            Self::Username(username) => admin.users.id_by_username(username).await?,
            Self::Id(id) => Some(*id),
            Self::Digits(id, username) => {
                let by_name = admin.users.id_by_username(username).await?;
                let by_id = admin.users.by_id(*id).await?;
                match (by_id, by_name) {
                    (Some(user), Some(other)) if user.id != other => {
                        return Err(Failure::said(format!(
                            "{id} is the id of one user and the username of another: write id:{id} or username:{id}"
                        )));
                    }
                    (Some(user), _) => return Ok(Some(user)),
                    (None, by_name) => by_name,
                }
            }
        };
        match id {
            Some(id) => Ok(admin.users.by_id(id).await?),
            None => Ok(None),
        }
    }

    /// The user, who must be there.
    pub(crate) async fn found(&self, admin: &Admin) -> Result<User, Failure> {
        let user = self.find(admin).await?;
        user.ok_or_else(|| Failure::said(format!("nobody has {self}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_email_username_or_id() {
        let told = |text: &str| {
            text.parse::<Whom>()
                .map_or_else(|error| error, |whom| whom.to_string())
        };
        assert_eq!(told("Ann@example.com"), "the e-mail Ann@example.com");
        assert_eq!(told("ann"), "the username ann");
        assert_eq!(told("12"), "the id or username 12");
        assert_eq!(told("id:12"), "the id 12");
        assert_eq!(told("username:12"), "the username 12");
        assert!(told("ann smith").starts_with("a username may contain"));
        assert!(told("a@").starts_with("an e-mail must"));
        assert!(told("id:0").starts_with("an id must"));
    }
}
