//! Requests that are attempted again when concurrent requests change the record first.

use super::App;
use crate::{
    http::{Error, FieldError},
    store::users::Changed,
};

/// Maximum attempts of a signed-in user's request when another request changes the record first.
const MAX_ATTEMPTS: u32 = 2;

/// Maximum attempts of a signed-in user's request when concurrent requests change the counter of wrong passwords first.
const MAX_COUNTER_ATTEMPTS: u32 = 5;

/// Maximum attempts of a request without a session. Each change in between is made by the same user or an operator, so that five in a
/// row are no coincidence; and fewer would let a thief who keeps changing the record keep its owner out.
const MAX_RACES: u32 = 5;

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

/// The attempts of one request of a signed-in user that were lost to concurrent ones.
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

/// The attempts of one request without a session, a log-in or the use of a link, that were lost to concurrent ones.
#[derive(Default)]
pub struct LostRaces(u32);

impl LostRaces {
    /// Counts one more attempt that was lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it was the last one.
    pub fn count(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 == MAX_RACES {
            return Err(Error::unavailable("the user record kept changing"));
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
