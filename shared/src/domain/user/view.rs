//! A user as in responses.

use serde::Serialize;

use super::User;
use crate::domain::{email::EmailAddress, locale::Locale, user_id::UserId};

/// A user as in responses: exactly these fields; `pending_email` and `locale` only if there is one.
#[derive(Serialize)]
pub struct View<'a> {
    id: UserId,
    username: &'a str,
    email: &'a str,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<&'a str>,
    first_name: &'a str,
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    is_superuser: bool,
    date_joined: String,
}

impl<'a> From<&'a User> for View<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            username: user.username.as_str(),
            email: user.email.as_str(),
            email_verified: user.email_verified,
            pending_email: user.pending_email.as_ref().map(EmailAddress::as_str),
            first_name: user.first_name.as_str(),
            last_name: user.last_name.as_str(),
            locale: user.locale.as_ref().map(Locale::as_str),
            is_superuser: user.is_superuser,
            date_joined: user.date_joined.to_string(),
        }
    }
}
