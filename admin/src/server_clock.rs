//! The time by DynamoDB's clock. Functions compare what commands write with their own clocks, and the clock of an
//! operator's machine may be wrong.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};
use shared::domain::clock::{Clock, Timestamp};

use crate::error::Error;

/// The offset of a machine without any response from the server.
const UNKNOWN: i64 = i64::MIN;

/// This machine's clock, corrected by the `Date` header of DynamoDB's responses (RFC 9110, section 6.6.1).
#[derive(Clone, Debug)]
pub(crate) struct ServerClock {
    machine: MachineClock,
    /// Seconds by which the server is ahead of this machine, from the latest response.
    offset: Arc<AtomicI64>,
}

#[derive(Clone)]
struct MachineClock(Clock);

impl std::fmt::Debug for MachineClock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MachineClock")
    }
}

impl ServerClock {
    pub(crate) fn new(machine: Clock) -> Self {
        Self {
            machine: MachineClock(machine),
            offset: Arc::new(AtomicI64::new(UNKNOWN)),
        }
    }

    /// Returns the server's time.
    ///
    /// # Errors
    /// An error if no response had a valid `Date` header, such as before the first request.
    pub(crate) fn now(&self) -> Result<Timestamp, Error> {
        let offset = self.offset.load(Ordering::Relaxed);
        if offset == UNKNOWN {
            return Err(Error::message(
                "the responses have no valid Date header, so DynamoDB's time is unknown",
            ));
        }
        let machine = self.machine.0.now().unix();
        Ok(Timestamp::from_unix(machine.saturating_add_signed(offset)))
    }

    fn learn(&self, date: &str) {
        let Ok(server) = DateTime::from_str(date, DateTimeFormat::HttpDate) else {
            return;
        };
        let machine = i64::try_from(self.machine.0.now().unix()).unwrap_or(i64::MAX);
        let offset = server.secs().saturating_sub(machine);
        self.offset.store(offset, Ordering::Relaxed);
    }
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.learn(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_date_corrects_this_machines_clock() {
        let clock = ServerClock::new(Clock::new(|| Timestamp::from_unix(1_769_860_800)));
        assert!(clock.now().is_err());
        clock.learn("yesterday");
        assert!(clock.now().is_err());
        for (date, unix) in [
            ("Sat, 31 Jan 2026 12:00:00 GMT", 1_769_860_800),
            ("Sat, 31 Jan 2026 13:00:00 GMT", 1_769_864_400),
            ("Fri, 30 Jan 2026 12:00:00 GMT", 1_769_774_400),
        ] {
            clock.learn(date);
            assert_eq!(clock.now().unwrap(), Timestamp::from_unix(unix), "{date}");
        }
    }
}
