//! The table of what may vanish: mails that were asked for, reset tokens, counters. Every item says when DynamoDB may
//! delete it; since it does so late, nothing here relies on that.

mod limits;
mod operator;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        clock::Timestamp,
        mail::{Kind, Mail, State},
        user_id::UserId,
    },
    store::database::{Database, Error, Item, Slot, Write, WriteOutcome},
};

/// The table of what may vanish.
#[derive(Clone)]
pub struct Transient {
    database: Database,
    table: String,
}

/// A reset token that was sent, as it is stored: never the token itself.
#[derive(Serialize, Deserialize)]
pub struct StoredResetToken {
    /// Hash of the token's secret.
    pub hash: String,
    /// Hash of the secret in an earlier copy of the same mail, if it was sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_hash: Option<String>,
    /// The nonce of the mail it was sent in.
    pub nonce: String,
    /// The user's `credentials` at that time: with others, the token is dead.
    #[serde(rename = "credentials")]
    pub credentials_version: u64,
    /// When the link stops working, which is also when DynamoDB may delete the item. One that does not say has expired.
    #[serde(default = "long_ago")]
    pub expires_at: Timestamp,
}

const fn long_ago() -> Timestamp {
    Timestamp::from_unix(0)
}

impl StoredResetToken {
    /// Whether `hash` is the one of a token that works at `now` for a user with these `credentials`.
    #[must_use]
    pub fn accepts(&self, hash: &str, credentials_version: u64, now: Timestamp) -> bool {
        // Hashes of long random secrets: how much of one matches tells nothing of the secret.
        let known = self.hash == hash || self.earlier_hash.as_deref() == Some(hash);
        known && self.credentials_version == credentials_version && now < self.expires_at
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

/// Bytes of the longest partition key (DynamoDB, "Quotas").
const MAX_KEY: usize = 2048;

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
    pub fn decoy(hash: &str) -> Self {
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
        (key.starts_with("mail#") && key.len() <= MAX_KEY).then(|| Self(key.to_owned()))
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

    /// The mail at `key`, to be replaced by another.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn last_mail(&self, key: &MailKey) -> Result<Slot<Mail>, Error> {
        self.database.get_slot(&self.table, &key.0).await
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
        seen: &Slot<Mail>,
    ) -> Result<Queued, Error> {
        // What has expired may be deleted at any moment.
        let condition = if_still(seen, "attribute_not_exists(#pk) OR #nonce = :seen");
        let write = Write::put(&self.table, &key.0, mail, condition)?;
        let write = match seen.item() {
            Some(seen) => write.value("seen", &seen.nonce)?,
            None => write,
        };
        Ok(match self.database.write(&write).await? {
            WriteOutcome::Refused(there) if !is_at(there.as_ref(), "for", &mail.address_hash) => {
                Queued::Raced
            }
            WriteOutcome::Done | WriteOutcome::Refused(_) => Queued::Done,
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
        // What has no nonce that could be read has no other asking either.
        let condition =
            "attribute_exists(#pk) AND (NOT attribute_type(#nonce, :text) OR #nonce = :nonce)";
        let write = Write::update(&self.table, &key.0, expression, condition)
            .value("state", state)?
            .value("detail", detail)?
            .value("text", "S")?
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
    pub async fn reset_token(&self, user: UserId) -> Result<Slot<StoredResetToken>, Error> {
        self.database.get_slot(&self.table, &reset_key(user)).await
    }

    /// Makes `item` the token of `user` in place of `seen`. Whether it is; if not, another one was first.
    ///
    /// # Errors
    /// [`Error`] if DynamoDB could not be asked.
    pub async fn replace_reset_token(
        &self,
        user: UserId,
        item: &StoredResetToken,
        seen: &Slot<StoredResetToken>,
    ) -> Result<bool, Error> {
        let condition = if_still(seen, "attribute_not_exists(#pk) OR #hash = :seen");
        let write = Write::put(&self.table, &reset_key(user), item, condition)?;
        let write = match seen.item() {
            Some(seen) => write.value("seen", &seen.hash)?,
            None => write,
        };
        Ok(match self.database.write(&write).await? {
            WriteOutcome::Done => true,
            WriteOutcome::Refused(there) => is_at(there.as_ref(), "hash", &item.hash),
        })
    }

    /// A write that uses up `item`, the token of `user`, if it is still the one and has not expired at `now`.
    ///
    /// # Errors
    /// [`Error`] if the values cannot be written.
    pub fn consume_reset_token(
        &self,
        user: UserId,
        item: &StoredResetToken,
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

/// The condition that what was seen is still there; `of_item` if that is an item.
const fn if_still<'a, T>(seen: &Slot<T>, of_item: &'a str) -> &'a str {
    match seen {
        Slot::Vacant => "attribute_not_exists(#pk)",
        Slot::Occupied(_) => of_item,
        Slot::Corrupt => "attribute_exists(#pk)",
    }
}

/// Whether `item` has this text, so that a write that was refused by it had taken place already.
fn is_at(item: Option<&Item>, name: &str, text: &str) -> bool {
    let there = item.and_then(|item| item.get(name)?.as_s().ok());
    there.is_some_and(|there| there == text)
}

fn reset_key(user: UserId) -> String {
    format!("reset#{user}")
}
