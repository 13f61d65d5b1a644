//! The operator's changes of mails, in an embedded DynamoDB.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use shared::{
    domain::{
        clock::Timestamp,
        mail::{Kind, Mail, State},
        user_id::UserId,
    },
    store::transient::{MailKey, Transient},
};

use self::common::TABLE;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

struct Store {
    transient: Transient,
    user: UserId,
    key: MailKey,
}

impl Store {
    async fn start() -> Self {
        let (database, _) = common::start().await;
        let user = UserId::new(1).unwrap();
        Self {
            transient: Transient::new(database, TABLE),
            user,
            key: MailKey::reset(user),
        }
    }

    /// Queues a mail in place of the one before.
    async fn queue(&self, nonce: &str) -> Mail {
        let last = self.transient.last_mail(&self.key).await.unwrap();
        let hash = "hash of the address".to_owned();
        let mail = Mail::new(Kind::ResetPassword, self.user, hash, nonce.to_owned(), NOW);
        let queued = self.transient.queue(&self.key, &mail, &last);
        queued.await.unwrap();
        self.mail().await
    }

    /// Stores the result of the delivery of a mail.
    async fn settle(&self, mail: &Mail, state: State) -> Mail {
        let transient = &self.transient;
        let settled = transient.settle(&self.key, &mail.nonce, state, "a reason", None);
        settled.await.unwrap();
        self.mail().await
    }

    async fn mail(&self) -> Mail {
        self.transient.mail(&self.key).await.unwrap().unwrap()
    }

    /// Has a mail that the operator has read sent again.
    async fn replay(&self, seen: &Mail) -> bool {
        self.transient.replay(&self.key, seen, NOW).await.unwrap()
    }
}

#[tokio::test]
async fn a_failed_mail_is_replayed() {
    let store = Store::start().await;
    let queued = store.queue("first").await;
    let failed = store.settle(&queued, State::Failed).await;
    assert!(store.replay(&failed).await);
    let replayed = store.mail().await;
    assert_eq!(replayed.state, State::Queued);
    assert_ne!(replayed.nonce, failed.nonce);
}

#[tokio::test]
async fn a_mail_that_was_sent_meanwhile_is_not_replayed() {
    let store = Store::start().await;
    let queued = store.queue("first").await;
    store.settle(&queued, State::Sent).await;
    assert!(!store.replay(&queued).await);
    assert_eq!(store.mail().await.state, State::Sent);
}

#[tokio::test]
async fn a_mail_that_was_queued_meanwhile_is_not_replayed() {
    let store = Store::start().await;
    let first = store.queue("first").await;
    let second = store.queue("second").await;
    assert!(!store.replay(&first).await);
    assert_eq!(store.mail().await.nonce, second.nonce);
}
