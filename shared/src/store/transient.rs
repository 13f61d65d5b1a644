//! The table of short-lived items: queued mails and the tokens of links. DynamoDB deletes each some time after its
//! `expires_at` (TTL); nothing here relies on the deletion.

mod operator;
mod revert_links;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        clock::Timestamp,
        link_token::{AddressBinding, Binding, CredentialsBinding, StoredToken},
        mail::{Kind, Mail, State},
        user_id::UserId,
    },
    store::database::{Database, Error, Item, Slot, Write},
};

/// The table of short-lived items.
#[derive(Clone)]
pub struct Transient {
    database: Database,
    table: String,
}

/// The outcome of queueing a reset mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Queued {
    /// This mail is queued, or a concurrent one to the same address.
    Done,
    /// Another request changed the item in the meantime.
    Raced,
}

/// The longest partition key in bytes (DynamoDB, "Quotas").
const MAX_KEY: usize = 2048;

/// The key of a mail's item.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailKey(String);

/// A text that is not the key of a mail.
#[derive(Debug, thiserror::Error)]
#[error("not the key of a mail")]
pub struct NotAMailKey;

impl TryFrom<String> for MailKey {
    type Error = NotAMailKey;

    fn try_from(key: String) -> Result<Self, NotAMailKey> {
        Self::from_record(&key).ok_or(NotAMailKey)
    }
}

impl From<MailKey> for String {
    fn from(key: MailKey) -> Self {
        key.0
    }
}

impl MailKey {
    /// The single item of a user's reset mails; another request replaces it.
    #[must_use]
    pub fn reset(user: UserId) -> Self {
        Self(format!("mail#reset_password#{user}"))
    }

    /// The single item of a user's confirmation mails; another request replaces it.
    #[must_use]
    pub fn confirmation(user: UserId) -> Self {
        Self(format!("mail#confirm_email#{user}"))
    }

    /// The decoy for a reset mail to an unknown address, so that such a request costs the same. Never sent: the stream's
    /// filter leaves it out.
    #[must_use]
    pub fn decoy(hash: &str) -> Self {
        Self(format!("void#reset_password#{hash}"))
    }

    /// The item of a notice; every notice has its own.
    #[must_use]
    pub fn notice(kind: Kind, user: UserId, nonce: &str) -> Self {
        let kind = match kind {
            Kind::ResetPassword => "reset_password",
            Kind::ConfirmEmail => "confirm_email",
            Kind::PasswordChanged => "password_changed",
            Kind::EmailChanged => "email_changed",
            Kind::EmailChangeRequested => "email_change_requested",
            Kind::AccountDeleted => "account_deleted",
        };
        Self(format!("mail#{kind}#{user}#{nonce}"))
    }

    /// Reads the key in a stream record. Returns `None` unless it is a mail's key.
    #[must_use]
    pub fn from_record(key: &str) -> Option<Self> {
        (key.starts_with("mail#") && key.len() <= MAX_KEY).then(|| Self(key.to_owned()))
    }

    /// Returns the key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Transient {
    /// Uses the table of this name.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self {
            database,
            table: table.to_owned(),
        }
    }

    /// Returns the mail at `key`.
    pub async fn mail(&self, key: &MailKey) -> Result<Option<Mail>, Error> {
        self.database.get(&self.table, &key.0).await
    }

    /// Returns writes that delete the links of `user` and the queued mails with them, to be part of the user's deletion. Revert
    /// links and notices, whose keys are random, expire by themselves.
    #[must_use]
    pub fn forget(&self, user: UserId) -> Vec<Write> {
        let keys = [
            token_key::<CredentialsBinding>(user),
            token_key::<AddressBinding>(user),
            MailKey::reset(user).0,
            MailKey::confirmation(user).0,
        ];
        keys.iter()
            .map(|key| Write::delete_in_transaction(&self.table, key))
            .collect()
    }

    /// Returns the mail at `key`, which is about to be replaced.
    pub async fn last_mail(&self, key: &MailKey) -> Result<Slot<Mail>, Error> {
        self.database.get_slot(&self.table, &key.0).await
    }

    /// Returns a write that queues a new notice at `key`, to be part of the change that it reports.
    pub fn notice(&self, key: &MailKey, mail: &Mail) -> Result<Write, Error> {
        Write::put(&self.table, &key.0, mail, "attribute_not_exists(#pk)")
    }

    /// Returns a write that queues `mail`, the notice of a deletion, to be part of the deletion.
    pub(super) fn deletion_notice(&self, mail: &Mail) -> Result<Write, Error> {
        self.notice(&MailKey::notice(mail.kind, mail.user, &mail.nonce), mail)
    }

    /// Returns a write that queues `mail` in place of `seen`, unless another request was first.
    pub fn replacement(
        &self,
        key: &MailKey,
        mail: &Mail,
        seen: &Slot<Mail>,
    ) -> Result<Write, Error> {
        // An expired item may be deleted at any moment.
        let condition = if_still(seen, "attribute_not_exists(#pk) OR #nonce = :seen");
        let write = Write::put(&self.table, &key.0, mail, condition)?;
        match seen.item() {
            Some(seen) => write.value("seen", &seen.nonce),
            None => Ok(write),
        }
    }

    /// Queues `mail` in place of `seen`, unless another request was first.
    pub async fn queue(
        &self,
        key: &MailKey,
        mail: &Mail,
        seen: &Slot<Mail>,
    ) -> Result<Queued, Error> {
        let outcome = self
            .database
            .write(&self.replacement(key, mail, seen)?)
            .await?;
        if outcome.is_done() || has_text(outcome.current_item().as_ref(), "for", &mail.address_hash)
        {
            Ok(Queued::Done)
        } else {
            Ok(Queued::Raced)
        }
    }

    /// Stores the final state of the mail with `nonce`, with `detail`: the reason, or SES's message id. Stores nothing
    /// if another request replaced the mail in the meantime. `password_version` is the user's when the mail was sent.
    pub async fn settle(
        &self,
        key: &MailKey,
        nonce: &str,
        state: State,
        detail: &str,
        password_version: Option<u64>,
    ) -> Result<(), Error> {
        let set_version = password_version.map_or(
            "",
            |_| ", #passwords = if_not_exists(#passwords, :passwords)",
        );
        let expression = format!("SET #state = :state, #detail = :detail{set_version}");
        // An item without a readable nonce cannot have been superseded.
        let condition =
            "attribute_exists(#pk) AND (NOT attribute_type(#nonce, :text) OR #nonce = :nonce)";
        let write = Write::update(&self.table, &key.0, &expression, condition)
            .value("state", state)?
            .value("detail", detail)?
            .value("text", "S")?
            .value("nonce", nonce)?;
        let write = match password_version {
            Some(version) => write.value("passwords", version)?,
            None => write,
        };
        self.database.write(&write).await.map(drop)
    }

    /// Returns the token that was last sent to `user` in a link of one kind.
    pub async fn token<B: Binding>(&self, user: UserId) -> Result<Slot<StoredToken<B>>, Error> {
        self.database
            .get_slot(&self.table, &token_key::<B>(user))
            .await
    }

    /// Stores `token` for `user` in place of `seen`. Returns false if another one was stored first.
    pub async fn replace_token<B: Binding>(
        &self,
        user: UserId,
        token: &StoredToken<B>,
        seen: &Slot<StoredToken<B>>,
    ) -> Result<bool, Error> {
        let condition = if_still(seen, "attribute_not_exists(#pk) OR #hash = :seen");
        let write = Write::put(&self.table, &token_key::<B>(user), token, condition)?;
        let write = match seen.item() {
            Some(seen) => write.value("seen", &seen.hash)?,
            None => write,
        };
        let outcome = self.database.write(&write).await?;
        Ok(outcome.is_done() || has_text(outcome.current_item().as_ref(), "hash", &token.hash))
    }

    /// Returns a write that consumes `token`, if it is still the user's token and has not expired at `now`.
    pub fn consume_token<B: Binding>(
        &self,
        user: UserId,
        token: &StoredToken<B>,
        now: Timestamp,
    ) -> Result<Write, Error> {
        let condition = "#hash = :hash AND #expires_at > :now";
        Write::delete(&self.table, &token_key::<B>(user), condition)
            .value("hash", &token.hash)?
            .value("now", now)
    }
}

/// Returns the condition that the slot still holds what was seen; `of_item` is the condition for an item.
const fn if_still<'a, T>(seen: &Slot<T>, of_item: &'a str) -> &'a str {
    match seen {
        Slot::Vacant => "attribute_not_exists(#pk)",
        Slot::Occupied(_) => of_item,
        Slot::Corrupt => "attribute_exists(#pk)",
    }
}

/// Returns true if `item` already holds this value: the write was applied earlier and its response lost.
fn has_text(item: Option<&Item>, name: &str, text: &str) -> bool {
    let current = item.and_then(|item| item.get(name)?.as_s().ok());
    current.is_some_and(|current| current == text)
}

/// The key of a user's link of one kind.
#[must_use]
pub fn token_key<B: Binding>(user: UserId) -> String {
    format!("{}#{user}", B::KIND)
}
