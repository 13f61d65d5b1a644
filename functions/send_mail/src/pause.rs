//! A pause in calling SES while it fails for every mail, so that it is not called once per queued mail.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::domain::clock::Timestamp;

use crate::error::Scope;

/// The length of a pause.
const PAUSE: Duration = Duration::from_secs(30);

/// The number of timeouts in a row that begin a pause.
const TIMEOUTS: u32 = 2;

/// The pause of this process.
#[derive(Default)]
pub(crate) struct Pause(Mutex<State>);

#[derive(Default)]
struct State {
    ends_at: Timestamp,
    timeouts_in_a_row: u32,
}

impl Pause {
    /// Returns true if SES is not to be called at `now`.
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        now < self.state().ends_at
    }

    /// Takes note of a call that SES responded to.
    pub(crate) fn record_response(&self) {
        self.state().timeouts_in_a_row = 0;
    }

    /// Takes note of a mail that was not sent.
    pub(crate) fn record_failure(&self, scope: Scope, now: Timestamp) {
        let mut state = self.state();
        match scope {
            Scope::NotCalled => return,
            Scope::Mail => {
                state.timeouts_in_a_row = 0;
                return;
            }
            Scope::Timeout => state.timeouts_in_a_row += 1,
            Scope::Service => state.timeouts_in_a_row = TIMEOUTS,
        }
        if state.timeouts_in_a_row >= TIMEOUTS {
            // The next timeout after the pause begins another one.
            state.timeouts_in_a_row = TIMEOUTS - 1;
            state.ends_at = now + PAUSE;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000_000);

    /// Returns true if these failures in a row begin a pause.
    fn pauses(failures: &[Scope]) -> bool {
        let pause = Pause::default();
        for scope in failures {
            pause.record_failure(*scope, NOW);
        }
        pause.is_active(NOW)
    }

    #[test]
    fn failures_of_single_mails_begin_no_pause() {
        assert!(!pauses(&[Scope::Mail; 10]));
        assert!(!pauses(&[Scope::Timeout]));
        assert!(!pauses(&[Scope::Timeout, Scope::Mail, Scope::Timeout]));
    }

    #[test]
    fn failures_of_every_mail_begin_a_pause() {
        assert!(pauses(&[Scope::Service]));
        assert!(pauses(&[Scope::Timeout, Scope::Timeout]));
    }

    #[test]
    fn a_response_ends_a_row_of_timeouts() {
        let pause = Pause::default();
        pause.record_failure(Scope::Timeout, NOW);
        pause.record_response();
        pause.record_failure(Scope::Timeout, NOW);
        assert!(!pause.is_active(NOW));
    }

    #[test]
    fn the_next_timeout_after_a_pause_begins_another_one() {
        let pause = Pause::default();
        for _ in 0..2 {
            pause.record_failure(Scope::Timeout, NOW);
        }
        // A mail that the pause holds back.
        pause.record_failure(Scope::NotCalled, NOW);
        let later = NOW + PAUSE;
        assert!(!pause.is_active(later));
        pause.record_failure(Scope::Timeout, later);
        assert!(pause.is_active(later));
    }

    #[test]
    fn a_pause_ends_after_30_seconds() {
        let pause = Pause::default();
        pause.record_failure(Scope::Service, NOW);
        assert!(pause.is_active(NOW + Duration::from_secs(29)));
        assert!(!pause.is_active(NOW + PAUSE));
    }
}
