//! The mails that were sent, newest first, for people and tests to read.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use shared::domain::clock::Clock;

/// How many mails are kept, so that a server under load does not grow for ever.
const KEPT: usize = 10_000;

/// A mail as SES received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// The message id that the sender was told.
    pub id: String,
    /// Every recipient.
    pub to: Vec<String>,
    /// The sender.
    pub from: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text; empty if there is none.
    pub text: String,
    /// The body as HTML; empty if there is none.
    pub html: String,
    /// When it was received (RFC 3339).
    pub sent_at: String,
}

/// What of a mail its sender states.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) to: Vec<String>,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The mails. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Mails {
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    newest_first: VecDeque<Mail>,
    received: u64,
}

impl Mails {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: Arc::default(),
        }
    }

    /// Keeps `message`; gives its id.
    pub(super) fn keep(&self, message: Message) -> String {
        let mut kept = self.lock();
        kept.received += 1;
        let Message {
            to,
            from,
            subject,
            text,
            html,
        } = message;
        let mail = Mail {
            id: format!("local-{:06}", kept.received),
            to,
            from,
            subject,
            text,
            html,
            sent_at: self.clock.now().to_string(),
        };
        let id = mail.id.clone();
        kept.newest_first.push_front(mail);
        kept.newest_first.truncate(KEPT);
        id
    }

    /// Every mail, newest first.
    pub(crate) fn all(&self) -> Vec<Mail> {
        self.lock().newest_first.iter().cloned().collect()
    }

    /// Forgets every mail.
    pub(crate) fn clear(&self) {
        self.lock().newest_first.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
