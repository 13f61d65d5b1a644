//! The history of requests: one [`Step`] for each, with the logical times of its start and end.

use std::fmt;

use serde_json::Value;

pub use super::action::{Action, Update};
use super::people::stored;
use crate::support::response::Response;

/// A request with its response.
#[derive(Clone, Debug)]
pub struct Step {
    pub worker: usize,
    pub began: u64,
    pub ended: u64,
    pub action: Action,
    /// The user, if known when the request started.
    pub user: Option<u64>,
    pub status: u16,
    pub text: String,
    pub retry_after: Option<u64>,
    /// `true` if a fault of the function justifies a 503.
    pub excused: bool,
    /// The clock at the end of the request.
    pub now: u64,
}

impl Step {
    pub fn new(
        worker: usize,
        began: u64,
        action: Action,
        user: Option<u64>,
        response: &Response,
    ) -> Self {
        let retry_after = response
            .header("retry-after")
            .map(|value| value.parse().unwrap());
        Self {
            worker,
            began,
            ended: 0,
            action,
            user,
            status: response.status,
            text: response.text.clone(),
            retry_after,
            excused: false,
            now: 0,
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The request was applied, according to its response.
    pub const fn is_done(&self) -> bool {
        self.status < 300
    }

    /// The response does not say whether the request was applied.
    pub const fn is_open(&self) -> bool {
        // After a lost response, another attempt at a deletion finds no user.
        let is_deletion = matches!(self.action, Action::Delete { .. });
        self.status == 503 || (is_deletion && self.status == 401 && self.excused)
    }

    /// The request may have been applied.
    pub const fn may_be_done(&self) -> bool {
        self.is_done() || self.is_open()
    }

    /// Field and code of each error of a 400.
    pub fn field_errors(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let errors = body["errors"].as_array().into_iter().flatten();
        errors
            .map(|error| (text(error, "field"), text(error, "code")))
            .collect()
    }

    pub fn has_error(&self, field: &str, code: &str) -> bool {
        self.status == 400
            && self
                .field_errors()
                .contains(&(field.to_owned(), code.to_owned()))
    }

    /// The password that the request sets if it is applied.
    pub fn sets_password(&self) -> Option<&str> {
        match &self.action {
            Action::Update(update) => update.new_password().map(String::as_str),
            Action::Complete { password, .. } | Action::Revert { password, .. } => Some(password),
            _ => None,
        }
    }

    /// The update, for a request of `update_details`.
    pub fn update(&self) -> Option<&Update> {
        match &self.action {
            Action::Update(update) => Some(update),
            _ => None,
        }
    }

    /// The address that the request gives as another one, or another spelling of the same.
    pub fn gives_email(&self) -> Option<&str> {
        self.update()?.email.as_deref()
    }

    /// The address that the request sets at once if it is applied. A confirmation may set the pending one.
    pub fn sets_email(&self) -> Option<&str> {
        if let Action::Revert { email, .. } = &self.action {
            return Some(email);
        }
        let email = self.gives_email()?;
        // Otherwise it waits for its confirmation.
        let is_set = !self.is_done() || self.json()["email"] == stored(email).as_str();
        is_set.then_some(email)
    }

    /// `true` if the request may change the address, at once or later.
    pub fn moves(&self) -> bool {
        let is_link = matches!(self.action, Action::Confirm { .. } | Action::Revert { .. });
        is_link || self.gives_email().is_some()
    }

    /// `true` if the request shows, when it is applied, that the user receives mail at the address.
    pub const fn verifies(&self) -> bool {
        matches!(
            self.action,
            Action::Complete { .. } | Action::Confirm { .. } | Action::Revert { .. }
        )
    }

    pub const fn reverts(&self) -> bool {
        matches!(self.action, Action::Revert { .. })
    }

    pub const fn deletes(&self) -> bool {
        matches!(self.action, Action::Delete { .. })
    }

    /// A confirmation that found the pending address taken and discarded it. The response is that of an invalid link.
    pub const fn may_have_discarded(&self) -> bool {
        matches!(self.action, Action::Confirm { .. }) && self.status == 400
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excused = if self.excused { " (excused)" } else { "" };
        write!(
            formatter,
            "[{:>6} to {:>6}, worker {}, clock {}] user {:?} {:?} => {}{excused} {}",
            self.began,
            self.ended,
            self.worker,
            self.now,
            self.user,
            self.action,
            self.status,
            self.text
        )
    }
}
