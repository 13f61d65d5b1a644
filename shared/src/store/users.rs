//! The table of users, as questions in domain words. A user is one item; two markers, one for the address and one for
//! the username, point to it and keep both unique.

mod changes;
mod operator;
mod sessions;

use serde::{Deserialize, Serialize};

pub use self::{changes::Changed, sessions::Started};
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

/// Points from an address or a username to its user.
#[derive(Serialize, Deserialize)]
struct Marker {
    id: UserId,
}

/// What came of making a user.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The user is there.
    Done,
    /// Nothing was written, since something is taken already.
    Taken {
        /// Another user has the id.
        id: bool,
        /// Another user has the address.
        email: bool,
        /// Another user has the username.
        username: bool,
    },
}

fn user_key(id: UserId) -> String {
    format!("user#{id}")
}

fn email_key(email: &EmailAddress) -> String {
    format!("email#{}", email.canonical())
}

fn username_key(username: &Username) -> String {
    format!("username#{}", username.canonical())
}

impl Users {
    /// The users in `table`.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// The user with this id.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn by_id(&self, id: UserId) -> Result<Option<User>, Error> {
        self.database.get(&self.table, &user_key(id)).await
    }

    /// Opens the connection that the first request will use, by asking for a user that cannot be.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn connect(&self) -> Result<(), Error> {
        self.database
            .get::<Marker>(&self.table, "user#0")
            .await
            .map(drop)
    }

    /// Whose address this is.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn id_by_email(&self, email: &EmailAddress) -> Result<Option<UserId>, Error> {
        self.marked(&email_key(email)).await
    }

    /// Whose username this is.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn id_by_username(&self, username: &Username) -> Result<Option<UserId>, Error> {
        self.marked(&username_key(username)).await
    }

    async fn marked(&self, key: &str) -> Result<Option<UserId>, Error> {
        Ok(self
            .database
            .get::<Marker>(&self.table, key)
            .await?
            .map(|marker| marker.id))
    }

    /// Makes `user` and both markers, or nothing.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn create(&self, user: &User) -> Result<Created, Error> {
        let absent = "attribute_not_exists(#pk)";
        let marker = Marker { id: user.id };
        let writes = [
            Write::put(&self.table, &user_key(user.id), user, absent)?
                .with_write_id(&user.last_write_id),
            Write::put(&self.table, &email_key(&user.email), &marker, absent)?,
            Write::put(&self.table, &username_key(&user.username), &marker, absent)?,
        ];
        let taken =
            |outcome: Option<&WriteOutcome>| matches!(outcome, Some(WriteOutcome::Refused(_)));
        Ok(match self.database.transact(&writes).await? {
            Committed::Done => Created::Done,
            Committed::Refused(of) => Created::Taken {
                id: taken(of.first()),
                email: taken(of.get(1)),
                username: taken(of.get(2)),
            },
        })
    }

    /// A name for the next write to a user: see [`User::writer`].
    #[must_use]
    pub fn new_write_id(&self) -> String {
        self.database.new_write_id()
    }
}
