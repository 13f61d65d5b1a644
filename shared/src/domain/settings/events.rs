//! The settings of the events for the deployer's other services.

use super::environment::{Environment, Error};

/// The events for the deployer's other services.
#[derive(Clone)]
pub struct EventSettings {
    /// Name of the table of events; `None` if no events are published.
    pub table: Option<String>,
    /// Name of the event bus; only `publish` has it.
    pub bus: Option<String>,
    /// True if events contain the user's address.
    pub with_email: bool,
}

impl EventSettings {
    pub(super) fn read(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            table: environment.optional("EVENTS_TABLE"),
            bus: environment.optional("EVENT_BUS_NAME"),
            with_email: environment.parsed("EVENTS_WITH_EMAIL")?,
        })
    }
}
