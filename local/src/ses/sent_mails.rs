//! The mails that were sent, for the console and for tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use shared::domain::clock::Clock;

use crate::updates::Updates;

/// The number of mails that are kept, which bounds the memory of a server under load.
const CAPACITY: usize = 10_000;

/// A mail as SES received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// The message id that the sender received.
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
    /// The time of receipt (RFC 3339).
    pub sent_at: String,
}

/// The content of a request to send a mail.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) to: Vec<String>,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The store of sent mails. Cheap to clone; clones share the mails.
#[derive(Clone)]
pub(crate) struct SentMails {
    clock: Clock,
    updates: Updates,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    newest_first: VecDeque<Mail>,
    received: u64,
}

impl SentMails {
    /// An empty store, which sends every new mail to `updates`.
    pub(crate) fn new(clock: Clock, updates: Updates) -> Self {
        Self {
            clock,
            updates,
            state: Arc::default(),
        }
    }

    /// Adds a mail and returns its id.
    pub(super) fn add(&self, message: Message) -> String {
        let mut state = self.lock();
        state.received += 1;
        let Message {
            to,
            from,
            subject,
            text,
            html,
        } = message;
        let mail = Mail {
            id: format!("local-{:06}", state.received),
            to,
            from,
            subject,
            text,
            html,
            sent_at: self.clock.now().to_string(),
        };
        let id = mail.id.clone();
        self.updates.send("mail", &mail);
        state.newest_first.push_front(mail);
        state.newest_first.truncate(CAPACITY);
        id
    }

    /// Every mail, newest first.
    pub(crate) fn all(&self) -> Vec<Mail> {
        self.lock().newest_first.iter().cloned().collect()
    }

    /// Deletes every mail.
    pub(crate) fn clear(&self) {
        self.lock().newest_first.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
