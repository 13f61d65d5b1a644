//! Issuing the tokens of links. A token exists only in the mail that is being sent; its hash is stored.

use shared::domain::{
    link_token::{Binding, LinkToken, StoredToken},
    mail::Mail,
    user::{StoredRevertToken, User},
    user_id::UserId,
};

use super::Delivery;
use crate::error::{DeliveryError, Scope};

/// The token of a revert link, and the time that is left to use it.
pub(super) struct RevertLink {
    pub(super) token: LinkToken,
    pub(super) hours: u64,
}

impl Delivery {
    /// Issues the token for this mail. It replaces any earlier token of the user in a link of this kind.
    pub(super) async fn issue_token<B: Binding>(
        &self,
        mail: &Mail,
        user: UserId,
        binding: B,
    ) -> Result<LinkToken, DeliveryError> {
        let token = LinkToken::issue(user, self.app.random.bytes());
        let transient = &self.app.transient;
        let slot = transient.token::<B>(user).await?;
        // If an earlier attempt sent this mail but could not store the result, the link in that copy stays valid.
        let duplicate = slot
            .item()
            .filter(|stored| stored.nonce == mail.nonce && stored.binding == binding);
        let item = StoredToken {
            hash: token.hash(),
            earlier_hash: duplicate.map(|stored| stored.hash.clone()),
            nonce: mail.nonce.clone(),
            binding,
            expires_at: self.app.clock.now() + self.app.settings.mail.reset_link_lifetime,
        };
        if transient.replace_token(user, &item, &slot).await? {
            Ok(token)
        } else {
            Err(DeliveryError::retryable(
                "another token was issued concurrently",
                Scope::NotCalled,
            ))
        }
    }

    /// Issues the token of a link that takes the account back to the address that the mail goes to; `None` if it is not
    /// reserved for the account any more.
    pub(super) async fn issue_revert_token(
        &self,
        mail: &Mail,
        user: &User,
    ) -> Result<Option<RevertLink>, DeliveryError> {
        let now = self.app.clock.now();
        let has_page = self.app.settings.mail.revert_link_base.is_some();
        let number = mail.reverts.filter(|_| has_page);
        let former = number.and_then(|number| user.former_email(number, now));
        let Some(former) = former else {
            return Ok(None);
        };
        let token = LinkToken::issue(user.id, self.app.random.bytes());
        let stored = StoredRevertToken {
            hash: token.hash(),
            number: former.number,
            expires_at: former.until,
        };
        let transient = &self.app.transient;
        if !transient.put_revert_token(user.id, &stored).await? {
            let problem = "the link of another change has the same token";
            return Err(DeliveryError::retryable(problem, Scope::NotCalled));
        }
        let hours = former.until.seconds_since(now) / 3600;
        Ok(Some(RevertLink { token, hours }))
    }
}
