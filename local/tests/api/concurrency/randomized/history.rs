//! The history of requests: one [`Step`] for each, with the logical times of its start and end.

use std::fmt;

use serde_json::Value;

use crate::support::response::Response;

/// A request. Its secrets are generated, so a history can be printed completely.
#[derive(Clone, Debug)]
pub enum Action {
    SignUp {
        username: String,
        email: String,
        password: String,
    },
    LogIn {
        name: String,
        password: String,
    },
    LogOut {
        token: String,
    },
    Read {
        token: String,
        id: u64,
    },
    Update(Box<Update>),
    RequestReset {
        email: String,
    },
    Complete {
        link: String,
        password: String,
    },
    Confirm {
        key: String,
    },
    Resend {
        token: String,
    },
    Revert {
        key: String,
        /// The former address, as stored; empty if the key was never mailed.
        email: String,
        password: String,
    },
    ListSessions {
        token: String,
    },
    EndSession {
        token: String,
        session: String,
    },
    EndSessions {
        token: String,
    },
}

/// The fields of an update.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub token: String,
    pub current: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub password: Option<String>,
    /// A field that is rejected, with its value.
    pub bad: Option<(&'static str, Value)>,
}

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

impl Action {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignUp { .. } => "sign_up",
            Self::LogIn { .. } => "log_in",
            Self::LogOut { .. } => "log_out",
            Self::Read { .. } => "get_user",
            Self::Update(_) => "update_details",
            Self::RequestReset { .. } => "reset_password",
            Self::Complete { .. } => "reset_password_complete",
            Self::Confirm { .. } | Self::Resend { .. } => "confirm_email",
            Self::Revert { .. } => "revert_email",
            Self::ListSessions { .. } | Self::EndSession { .. } | Self::EndSessions { .. } => {
                "sessions"
            }
        }
    }

    /// The session token of the request.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::LogOut { token }
            | Self::Read { token, .. }
            | Self::Resend { token }
            | Self::ListSessions { token }
            | Self::EndSession { token, .. }
            | Self::EndSessions { token } => Some(token),
            Self::Update(update) => Some(&update.token),
            _ => None,
        }
    }

    /// The token of a link in the request.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Complete { link, .. } => Some(link),
            Self::Confirm { key } | Self::Revert { key, .. } => Some(key),
            _ => None,
        }
    }

    /// `true` if the request ends `session`, or all sessions, when it is applied.
    pub fn ends(&self, session: &str) -> bool {
        match self {
            Self::EndSession { session: ended, .. } => ended == session,
            Self::EndSessions { .. } => true,
            _ => false,
        }
    }
}

impl Update {
    /// The new password, if it differs from the current one.
    pub fn new_password(&self) -> Option<&String> {
        let password = self.password.as_ref();
        password.filter(|password| **password != self.current)
    }

    /// `true` if it changes any record: names and passwords are always new.
    pub fn changes_for_sure(&self) -> bool {
        self.first_name.is_some() || self.last_name.is_some() || self.new_password().is_some()
    }
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
        self.status == 503
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
    pub fn sets_password(&self) -> Option<&String> {
        match &self.action {
            Action::Update(update) => update.new_password(),
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

    /// The address that the request sets if it is applied.
    pub fn sets_email(&self) -> Option<&String> {
        match &self.action {
            Action::Revert { email, .. } => Some(email),
            _ => self.update()?.email.as_ref(),
        }
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
