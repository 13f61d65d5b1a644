//! Rate limits by source address.

use std::time::Duration;

use lambda_http::Request;

use super::App;
use crate::{
    domain::settings::SourceLimits,
    http::{self, Error},
};

/// A limit on the requests of one source address in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceLimit {
    /// Requested password resets.
    Resets,
    /// Attempts to complete a password reset.
    Completions,
    /// Sign-ups.
    SignUps,
    /// Failed log-ins.
    FailedLogIns,
}

impl SourceLimit {
    /// The limit's name in the keys of its counters.
    const fn key(self) -> &'static str {
        match self {
            Self::Resets => "reset_password",
            Self::Completions => "reset_password_complete",
            Self::SignUps => "sign_up",
            Self::FailedLogIns => "log_in",
        }
    }

    const fn max(self, limits: &SourceLimits) -> u32 {
        match self {
            Self::Resets => limits.resets,
            Self::Completions => limits.completions,
            Self::SignUps => limits.sign_ups,
            Self::FailedLogIns => limits.wrong_log_ins,
        }
    }
}

impl App {
    /// Returns the source address of the request, for rate limits and the audit log.
    #[must_use]
    pub fn source(&self, request: &Request) -> String {
        http::source(request, self.settings.edge.as_ref())
    }

    /// Counts the request under `limit` and rejects it if its source is over the limit.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn count_request(&self, request: &Request, limit: SourceLimit) -> Result<(), Error> {
        let Some(limits) = &self.settings.limits.by_source else {
            return Ok(());
        };
        let (source, now) = (self.source(request), self.clock.now());
        let over = self
            .transient
            .count(limit.key(), &source, limit.max(limits), now);
        reject(over.await?)
    }

    /// Rejects the request if its source is over the limit. Counts nothing.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] with the rest of the hour.
    pub async fn check_rate_limit(
        &self,
        request: &Request,
        limit: SourceLimit,
    ) -> Result<(), Error> {
        let Some(limits) = &self.settings.limits.by_source else {
            return Ok(());
        };
        let (source, now) = (self.source(request), self.clock.now());
        let over = self
            .transient
            .time_over_limit(limit.key(), &source, limit.max(limits), now);
        reject(over.await?)
    }
}

fn reject(rest_of_hour: Option<Duration>) -> Result<(), Error> {
    rest_of_hour.map_or(Ok(()), |retry_after| {
        Err(Error::TooManyRequests { retry_after })
    })
}
