//! The table of what may vanish: mails that were asked for, reset tokens, counters. Every item says when DynamoDB may
//! delete it; since it does so late, nothing here relies on that.

mod limits;
mod operator;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    database::{Database, Error, Outcome, Write, read},
    mail::{Kind, Mail, State},
    user_id::UserId,
};

/// The table of what may vanish.
#[derive(Clone)]
pub struct Transient {
    database: Database,
    table: String,
}

/// A reset token that was sent, as it is stored: never the token itself. An item that lacks something is no token, and
/// stands in no other's way.
#[derive(Serialize, Deserialize)]
pub struct ResetItem {
    /// Hash of the token's secret.
    #[serde(default)]
    pub hash: String,
    /// Hash of the secret in an earlier copy of the same mail, if it was sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_hash: Option<String>,
    /// The nonce of the mail it was sent in.
    #[serde(default)]
    pub nonce: String,
    /// The user's `credentials` at that time: with others, the token is dead.
    #[serde(default)]
    pub credentials: u64,
    /// When the link stops working, which is also when DynamoDB may delete the item. One that does not say has expired.
    #[serde(default = "long_ago")]
    pub expires_at: Timestamp,
}

const fn long_ago() -> Timestamp {
    Timestamp::from_unix(0)
}

impl ResetItem {
    /// Whether `hash` is the one of a token that works at `now` for a user with these `credentials`.
    #[must_use]
    pub fn accepts(&self, hash: &str, credentials: u64, now: Timestamp) -> bool {
        // Hashes of long random secrets: how much of one matches tells nothing of the secret.
        let known = self.hash == hash || self.earlier_hash.as_deref() == Some(hash);
        known && self.credentials == credentials && now < self.expires_at
    }
}

/// What came of queueing a reset mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Queued {
    /// It is queued, or somebody else's to the same address is.
    Done,
    /// Somebody else changed the item meanwhile.
    Raced,
}

/// Where a mail's item is.
#[derive(Clone, PartialEq, Eq)]
pub struct MailKey(String);

impl MailKey {
    /// The one item of a user's reset mails: asking again replaces it.
    #[must_use]
    pub fn reset(user: UserId) -> Self {
        Self(format!("mail#reset_password#{user}"))
    }

    /// The stand-in for a reset mail to an address that nobody has; never sent, since the stream leaves it out.
    #[must_use]
    pub fn void(hash: &str) -> Self {
        Self(format!("void#reset_password#{hash}"))
    }

    /// A notice: each has its own item.
    #[must_use]
    pub fn notice(kind: Kind, user: UserId, nonce: &str) -> Self {
        let kind = match kind {
            Kind::ResetPassword => "reset_password",
            Kind::PasswordChanged => "password_changed",
            Kind::EmailChanged => "email_changed",
        };
        Self(format!("mail#{kind}#{user}#{nonce}"))
    }

    /// The key that a stream record names; `None` for one that is no mail's.
    #[must_use]
    pub fn from_record(key: &str) -> Option<Self> {
        key.starts_with("mail#").then(|| Self(key.to_owned()))
    }
}

impl Transient {
    /// What may vanish, in `table`.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// The mail at `key`.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn mail(&self, key: &MailKey) -> Result<Option<Mail>, Error> {
        self.database.get(&self.table, &key.0).await
    }

    /// A write that puts a new notice at `key`, to be part of the change that it tells of.
    ///
    /// # Errors
    /// [`Error`] if the mail cannot be written.
    pub fn notice(&self, key: &MailKey, mail: &Mail) -> Result<Write, Error> {
        Write::put(&self.table, &key.0, mail, "attribute_not_exists(#pk)")
    }

    /// Queues `mail` in place of `seen`, unless somebody else's was first.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn queue(
        &self,
        key: &MailKey,
        mail: &Mail,
        seen: Option<&Mail>,
    ) -> Result<Queued, Error> {
        let write = match seen {
            // What has expired may be deleted at any moment.
            Some(seen) => {
                let same = "attribute_not_exists(#pk) OR #nonce = :seen";
                Write::put(&self.table, &key.0, mail, same)?.value("seen", &seen.nonce)?
            }
            None => Write::put(&self.table, &key.0, mail, "attribute_not_exists(#pk)")?,
        };
        Ok(match self.database.write(&write).await? {
            Outcome::Done => Queued::Done,
            Outcome::Refused(Some(item)) => {
                let there = read::<Mail>(item)?;
                if there.asked_for == mail.asked_for {
                    Queued::Done
                } else {
                    Queued::Raced
                }
            }
            Outcome::Refused(None) => Queued::Raced,
        })
    }

    /// Notes how far the mail with `nonce` got, and with `detail` why, or what SES calls it. Nothing is noted if it was
    /// asked for again meanwhile. `passwords` are the user's when the mail was sent.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn settle(
        &self,
        key: &MailKey,
        nonce: &str,
        state: State,
        detail: &str,
        passwords: Option<u64>,
    ) -> Result<(), Error> {
        let expression = match passwords {
            Some(_) => {
                "SET #state = :state, #detail = :detail, #passwords = if_not_exists(#passwords, :passwords)"
            }
            None => "SET #state = :state, #detail = :detail",
        };
        let condition =
            "attribute_exists(#pk) AND (attribute_not_exists(#nonce) OR #nonce = :nonce)";
        let write = Write::update(&self.table, &key.0, expression, condition)
            .value("state", state)?
            .value("detail", detail)?
            .value("nonce", nonce)?;
        let write = match passwords {
            Some(passwords) => write.value("passwords", passwords)?,
            None => write,
        };
        self.database.write(&write).await.map(drop)
    }

    /// The token that was last sent to `user`.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn reset_item(&self, user: UserId) -> Result<Option<ResetItem>, Error> {
        self.database.get(&self.table, &reset_key(user)).await
    }

    /// Makes `item` the token of `user` in place of `seen`. Whether it is; if not, another one was first.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn put_reset_item(
        &self,
        user: UserId,
        item: &ResetItem,
        seen: Option<&ResetItem>,
    ) -> Result<bool, Error> {
        let write = match seen {
            Some(seen) => {
                let same = "attribute_not_exists(#hash) OR #hash = :seen";
                Write::put(&self.table, &reset_key(user), item, same)?.value("seen", &seen.hash)?
            }
            None => Write::put(
                &self.table,
                &reset_key(user),
                item,
                "attribute_not_exists(#pk)",
            )?,
        };
        Ok(match self.database.write(&write).await? {
            Outcome::Done => true,
            Outcome::Refused(Some(there)) => read::<ResetItem>(there)?.hash == item.hash,
            Outcome::Refused(None) => false,
        })
    }

    /// A write that uses up `item`, the token of `user`, if it is still the one and has not expired at `now`.
    ///
    /// # Errors
    /// [`Error`] if the values cannot be written.
    pub fn spend_reset_item(
        &self,
        user: UserId,
        item: &ResetItem,
        now: Timestamp,
    ) -> Result<Write, Error> {
        Write::delete(
            &self.table,
            &reset_key(user),
            "#hash = :hash AND #expires_at > :now",
        )
        .value("hash", &item.hash)?
        .value("now", now)
    }
}

fn reset_key(user: UserId) -> String {
    format!("reset#{user}")
}
