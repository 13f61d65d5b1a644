//! The detail of an event: what other services read. docs/events.md describes it.

use serde::Serialize;
use shared::domain::{user::User, user_event::UserEvent};

#[derive(Serialize)]
struct Detail<'a> {
    event_id: &'a str,
    user_id: u64,
    version: u64,
    occurred_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

/// Returns the detail of `event` as JSON, with the present address of `user`.
pub(crate) fn json(event: &UserEvent, user: Option<&User>) -> String {
    let detail = Detail {
        event_id: &event.id,
        user_id: event.user.number(),
        version: event.version,
        occurred_at: event.occurred_at.to_string(),
        email: user.map(|user| user.email.as_str()),
        email_verified: user.map(|user| user.email_verified),
    };
    // Strings and numbers can always be serialized.
    serde_json::to_string(&detail).unwrap_or_default()
}
