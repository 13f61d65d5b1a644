//! The table of users. A user is one item; two markers, one for the address and one for the username, point to it and
//! keep both unique.
//!
//! The record and both markers of a disabled user say so, and the reads of [`Users`], which functions use, return no disabled
//! user. Only the operator's reads, [`Users::with_disabled`], do.

mod changes;
mod confirmation;
mod deletion;
mod disabled;
mod failed_attempts;
mod operator;
mod operator_writes;
mod reservations;
mod reset;
mod revert;
mod roles;
mod sessions;
mod verified_address;

use self::reservations::{FREE_EMAIL, Marker};
pub use self::{
    changes::Changed,
    confirmation::Confirmed,
    disabled::{AllUsers, OperatorOutcome},
    reset::Reset,
    revert::Reverted,
    roles::RoleAdded,
    sessions::{SessionEnd, Started},
};
use crate::{
    domain::{email::EmailAddress, user::User, user_id::UserId, username::Username},
    store::database::{Committed, Database, Error, Write, WriteOutcome},
};

/// The table of users.
#[derive(Clone)]
pub struct Users {
    database: Database,
    table: String,
}

/// The outcome of creating a user.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The user was created.
    Done,
    /// Nothing was written, since at least one of these is in use.
    Taken {
        /// Another user has the id.
        id: bool,
        /// Another user has the address.
        email: bool,
        /// Another user has the username.
        username: bool,
    },
}

/// The key of a user's item.
#[must_use]
pub fn user_key(id: UserId) -> String {
    format!("user#{id}")
}

/// The key of the marker of an address.
#[must_use]
pub fn email_key(email: &EmailAddress) -> String {
    format!("email#{}", email.canonical())
}

/// The key of the marker of a username.
#[must_use]
pub fn username_key(username: &Username) -> String {
    format!("username#{}", username.canonical())
}

impl Users {
    /// Uses the table of this name.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// Returns the user with this id, unless the account is disabled.
    pub async fn by_id(&self, id: UserId) -> Result<Option<User>, Error> {
        let user = self.with_disabled().by_id(id).await?;
        Ok(user.filter(|user| !user.is_disabled()))
    }

    /// Opens the connection that the first request will use, by reading a key that cannot exist.
    pub async fn connect(&self) -> Result<(), Error> {
        self.database
            .get::<Marker>(&self.table, "user#0")
            .await
            .map(drop)
    }

    /// Returns the id of the user with this address, unless the account is disabled.
    pub async fn id_by_email(&self, email: &EmailAddress) -> Result<Option<UserId>, Error> {
        let marker = self.marker(&email_key(email)).await?;
        Ok(marker.and_then(Marker::enabled))
    }

    /// Returns the id of the user with this username, unless the account is disabled.
    pub async fn id_by_username(&self, username: &Username) -> Result<Option<UserId>, Error> {
        let marker = self.marker(&username_key(username)).await?;
        Ok(marker.and_then(Marker::enabled))
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, Error> {
        let marker = self.database.get::<Marker>(&self.table, key).await?;
        // A reserved address is no name of its account.
        Ok(marker.filter(|marker| marker.reserved_until.is_none()))
    }

    /// Creates `user` and both markers in one transaction with `others`, such as the mail that confirms the address.
    pub async fn create(&self, user: &User, others: Vec<Write>) -> Result<Created, Error> {
        let absent = "attribute_not_exists(#pk)";
        let marker = Marker::of(user);
        let mut writes = vec![
            Write::put(&self.table, &user_key(user.id), user, absent)?
                .with_write_id(&user.last_write_id),
            Write::put(&self.table, &email_key(&user.email), &marker, FREE_EMAIL)?
                .value("now", user.date_joined)?
                .value("id", user.id)?,
            Write::put(&self.table, &username_key(&user.username), &marker, absent)?,
        ];
        writes.extend(others);
        let taken =
            |outcome: Option<&WriteOutcome>| outcome.is_some_and(|outcome| !outcome.is_done());
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Created::Done,
            Committed::Refused(outcomes) => Created::Taken {
                id: taken(outcomes.first()),
                email: taken(outcomes.get(1)),
                username: taken(outcomes.get(2)),
            },
        })
    }

    /// Returns an id for the next write to a user: see [`User::last_write_id`].
    #[must_use]
    pub fn new_write_id(&self) -> String {
        self.database.new_write_id()
    }
}
