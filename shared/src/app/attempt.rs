//! Changes on behalf of a signed-in user, repeated when concurrent requests change the record first.

use super::App;
use crate::{
    http::{Error, FieldError},
    store::users::Changed,
};

/// Maximum attempts when another request changes the record first.
const MAX_ATTEMPTS: u32 = 2;

/// Maximum attempts when concurrent requests change the counter of wrong passwords first.
const MAX_COUNTER_ATTEMPTS: u32 = 5;

/// The outcome of one attempt at a change.
pub enum Attempt<T> {
    /// The change was made.
    Done(T),
    /// A concurrent request was first. Nothing was changed.
    Lost(Contention),
}

/// The item or counter that a concurrent request changed first.
#[derive(Clone, Copy)]
pub enum Contention {
    /// The record, since it was read.
    Record,
    /// The counter of wrong passwords, since it was read.
    Counter,
}

/// The attempts of one request that were lost to concurrent ones.
#[derive(Default)]
pub struct LostAttempts {
    by_record: u32,
    by_counter: u32,
}

impl LostAttempts {
    /// Counts one more attempt that was lost.
    ///
    /// # Errors
    /// If there were too many, [`Error::Conflict`], or [`Error::TooManyRequests`] if passwords are being tried.
    pub const fn count(&mut self, lost: Contention) -> Result<(), Error> {
        match lost {
            Contention::Record => self.by_record += 1,
            Contention::Counter => self.by_counter += 1,
        }
        if self.by_record == MAX_ATTEMPTS {
            return Err(Error::Conflict);
        }
        if self.by_counter == MAX_COUNTER_ATTEMPTS {
            return Err(Error::contended());
        }
        Ok(())
    }
}

impl App {
    /// Returns the outcome of an attempt from that of its write.
    ///
    /// # Errors
    /// [`Error::NotAuthenticated`] if the session has ended; [`Error::Invalid`] with the code `taken`;
    /// [`Error::TooManyRequests`] while the account is locked.
    pub fn attempted(&self, changed: Changed) -> Result<Attempt<()>, Error> {
        match changed {
            Changed::Done => Ok(Attempt::Done(())),
            Changed::SessionEnded => Err(Error::NotAuthenticated),
            Changed::EmailTaken => Err(Error::Invalid(vec![FieldError::taken("email")])),
            Changed::Throttled(attempts) => self
                .check_throttle(Some(&attempts))
                .map(|()| Attempt::Lost(Contention::Counter)),
            Changed::CounterChanged => Ok(Attempt::Lost(Contention::Counter)),
            Changed::Raced => Ok(Attempt::Lost(Contention::Record)),
        }
    }
}
