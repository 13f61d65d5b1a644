//! The tokens of revert links. A user may have several.

use super::Transient;
use crate::{
    domain::{link_token::LinkToken, user::StoredRevertToken, user_id::UserId},
    store::database::{Error, Write, read},
};

impl Transient {
    /// Returns the revert link with this token, if it was sent.
    pub async fn revert_token(
        &self,
        token: &LinkToken,
    ) -> Result<Option<StoredRevertToken>, Error> {
        let key = revert_key(token.user(), &token.hash());
        self.database.get(&self.table, &key).await
    }

    /// Stores a new revert link of `user`. Earlier ones stay valid. Returns false, and stores nothing, if the link of another change has the
    /// same secret.
    pub async fn put_revert_token(
        &self,
        user: UserId,
        token: &StoredRevertToken,
    ) -> Result<bool, Error> {
        let key = revert_key(user, &token.hash);
        let write = Write::put(&self.table, &key, token, "attribute_not_exists(#pk)")?;
        let outcome = self.database.write(&write).await?;
        if outcome.is_done() {
            return Ok(true);
        }
        // If it is of the same change, this write was applied and its response lost: the secret is random.
        let stored: Option<StoredRevertToken> = outcome.current_item().map(read).transpose()?;
        Ok(stored.is_some_and(|stored| stored.number == token.number))
    }

    /// Returns a write that deletes a revert link of `user`, to be part of the transaction that takes the account back. The link
    /// works once since the record then no longer has the former address that the link is for, nor ever has one of the same number.
    #[must_use]
    pub fn consume_revert_token(&self, user: UserId, token: &StoredRevertToken) -> Write {
        Write::delete_in_transaction(&self.table, &revert_key(user, &token.hash))
    }
}

fn revert_key(user: UserId, hash: &str) -> String {
    format!("revert#{user}#{hash}")
}
