//! The limit on mails of all kinds to one address, by whatever accounts and requests they were caused.
//!
//! The last of them are reserved for reset links: a thief who changes the password again and again could otherwise use up
//! the mails by which the owner takes the account back. For the same reason a notice with a revert link, or of a deletion,
//! counts, but is never dropped: it goes to a verified address of the account, changes of address are limited, and an account
//! is deleted once.

use std::time::Duration;

use shared::{
    app::App,
    audit::Metric,
    domain::{
        email::EmailAddress,
        mail::{Kind, Mail},
        rate_limit::Window,
    },
    store::{
        counters::{Counted, CounterKey, Counters},
        database::Error,
    },
};

/// The time in which the mails to one address are counted.
const WINDOW: Duration = Duration::from_hours(24);

/// The counter of the mails to one address.
pub(crate) struct RecipientLimit {
    app: &'static App,
    key: CounterKey,
    max: u32,
}

/// A mail as counted; empty if it could not be counted.
pub(crate) struct CountedMail(Option<Window>);

impl RecipientLimit {
    pub(crate) fn new(app: &'static App, mail: &Mail, to: &EmailAddress) -> Self {
        let limits = &app.settings.limits;
        let reserved = match mail.kind {
            Kind::ResetPassword => 0,
            Kind::ConfirmEmail
            | Kind::PasswordChanged
            | Kind::EmailChanged
            | Kind::EmailChangeRequested
            | Kind::AccountDeleted => limits.reset_mails_per_day,
        };
        Self {
            app,
            key: CounterKey::new("mail", &to.hash()),
            max: if mail.is_indispensable() {
                u32::MAX
            } else {
                limits.mails_per_day.saturating_sub(reserved).max(1)
            },
        }
    }

    /// Counts a mail that is about to be sent. Returns `None` if the address had too many already.
    pub(crate) async fn count(&self) -> Result<Option<CountedMail>, Error> {
        match self.try_count().await {
            Ok(Counted::Within(window)) => Ok(Some(CountedMail(Some(window)))),
            Ok(Counted::OverLimit(_)) => {
                tracing::warn!("mail dropped: its recipient had too many in 24 hours");
                Metric::Limited.count();
                Ok(None)
            }
            // A flood that saturates the table of counters must not delay mails.
            Err(error @ Error::Unavailable { .. }) => {
                tracing::warn!(%error, "the limit on mails to one address does not apply to this mail");
                self.app.count_metric(Metric::LimitSkipped);
                Ok(Some(CountedMail(None)))
            }
            Err(error) => Err(error),
        }
    }

    async fn try_count(&self) -> Result<Counted, Error> {
        let counters = self.counters();
        let now = self.app.clock.now();
        let seen = counters.window(&self.key).await?;
        counters.count(&self.key, seen, self.max, WINDOW, now).await
    }

    /// Takes back a mail that was counted and not sent. If that fails, it stays counted.
    pub(crate) async fn take_back(&self, counted: CountedMail) {
        let Some(window) = counted.0 else { return };
        if let Err(error) = self.counters().take_back(&self.key, &window).await {
            tracing::warn!(%error, "a mail that was not sent stays counted");
        }
    }

    const fn counters(&self) -> &Counters {
        &self.app.counters
    }
}
