//! Rate limits by source address.
//!
//! While the table of counters is unavailable, requests pass unlimited: what strangers cause there must not keep users from
//! a sign-up or a reset. The limits of each account are in its own record and stay in force.

mod refused;

use std::time::Duration;

use lambda_http::Request;

use super::App;
use crate::{
    audit::Metric,
    domain::{rate_limit::Window, settings::SourceLimits},
    http::{self, Error},
    store::{
        counters::{Counted, CounterKey},
        database,
    },
};
pub(super) use refused::Refused;

/// The time in which the requests of one source address are counted.
const WINDOW: Duration = Duration::from_hours(1);

/// A limit on the requests of one source address in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceLimit {
    /// Requested password resets.
    Resets,
    /// Attempts to use a link: to complete a reset, to confirm an address, to return to a former one.
    LinkUses,
    /// Sign-ups.
    SignUps,
    /// Failed log-ins.
    FailedLogIns,
    /// Changes to an e-mail address that another user has.
    TakenAddresses,
}

impl SourceLimit {
    /// The limit's name in the keys of its counters.
    const fn key(self) -> &'static str {
        match self {
            Self::Resets => "reset_password",
            Self::LinkUses => "reset_password_complete",
            Self::SignUps => "sign_up",
            Self::FailedLogIns => "log_in",
            Self::TakenAddresses => "taken",
        }
    }

    /// The counter of a source address.
    #[must_use]
    pub fn counter(self, source: &str) -> CounterKey {
        CounterKey::new(self.key(), source)
    }

    const fn max(self, limits: &SourceLimits) -> u32 {
        match self {
            Self::Resets => limits.resets,
            Self::LinkUses => limits.completions,
            Self::SignUps => limits.sign_ups,
            Self::FailedLogIns => limits.wrong_log_ins,
            Self::TakenAddresses => limits.taken_addresses,
        }
    }
}

/// The counter of a source that is not over its limit, as read.
pub struct SourceCounter {
    key: CounterKey,
    max: u32,
    seen: Option<Window>,
}

/// A request that was counted, and can be taken back.
pub struct CountedRequest {
    key: CounterKey,
    window: Window,
}

impl App {
    /// Returns the source address of the request, for rate limits and the audit log.
    #[must_use]
    pub fn source(&self, request: &Request) -> String {
        http::source(request, self.settings.edge.as_ref())
    }

    /// Rejects the request if its source is over the limit. Counts nothing: returns the counter for [`App::count`], or
    /// `None` if none applies. Costs no call if this process knows that the source is over the limit.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn check_rate_limit(
        &self,
        request: &Request,
        limit: SourceLimit,
    ) -> Result<Option<SourceCounter>, Error> {
        let Some(limits) = &self.settings.limits.by_source else {
            return Ok(None);
        };
        let key = limit.counter(&self.source(request));
        let max = limit.max(limits);
        let now = self.clock.now();
        if let Some(retry_after) = self.refused.time_over_limit(&key, now) {
            return Err(Error::TooManyRequests { retry_after });
        }
        let Some(seen) = self.if_counted(self.counters.window(&key).await)? else {
            return Ok(None);
        };
        if let Some(rest) = seen
            .as_ref()
            .and_then(|window| window.time_over_limit(max, now))
        {
            return Err(self.refuse(key, rest));
        }
        Ok(Some(SourceCounter { key, max, seen }))
    }

    /// Counts the request that `counter` was read for.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour, if concurrent requests reached the limit first.
    pub async fn count(
        &self,
        counter: Option<SourceCounter>,
    ) -> Result<Option<CountedRequest>, Error> {
        let Some(SourceCounter { key, max, seen }) = counter else {
            return Ok(None);
        };
        let now = self.clock.now();
        let outcome = self.counters.count(&key, seen, max, WINDOW, now).await;
        match self.if_counted(outcome)? {
            None => Ok(None),
            Some(Counted::Within(window)) => Ok(Some(CountedRequest { key, window })),
            Some(Counted::OverLimit(rest)) => Err(self.refuse(key, rest)),
        }
    }

    /// Counts the request under `limit`, and rejects it if its source is over the limit.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn count_request(
        &self,
        request: &Request,
        limit: SourceLimit,
    ) -> Result<Option<CountedRequest>, Error> {
        let counter = self.check_rate_limit(request, limit).await?;
        self.count(counter).await
    }

    /// Takes back a counted request that turned out not to be one that the limit is for. If that fails, the source has one
    /// request less in this hour, and the request itself goes on.
    pub async fn take_back(&self, counted: Option<CountedRequest>) {
        let Some(CountedRequest { key, window }) = counted else {
            return;
        };
        if let Err(error) = self.counters.take_back(&key, &window).await {
            tracing::warn!(%error, "a request was counted against its source address and could not be taken back");
        }
    }

    /// Returns `None` while the table of counters is unavailable: what it counts does not stop a request then.
    pub(super) fn if_counted<T>(
        &self,
        result: Result<T, database::Error>,
    ) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ database::Error::Unavailable { .. }) => {
                tracing::warn!(%error, "limits by source address or unknown name do not apply to this request");
                self.count_metric(Metric::LimitSkipped);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn refuse(&self, key: CounterKey, rest: Duration) -> Error {
        self.refused.remember(key, rest, self.clock.now());
        Error::TooManyRequests { retry_after: rest }
    }
}
