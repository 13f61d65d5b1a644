//! The requests of the randomized test, and the changes by the operator.

use serde_json::Value;

use super::operator::Change;

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
    Delete {
        token: String,
        password: String,
    },
    /// A change by the operator, which is no request.
    Operate {
        user: u64,
        change: Change,
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
            Self::Delete { .. } => "delete_account",
            Self::Operate { change, .. } => change.name(),
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
            | Self::EndSessions { token }
            | Self::Delete { token, .. } => Some(token),
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
            Self::Operate { change, .. } => *change == Change::Disable,
            _ => false,
        }
    }

    /// The change by the operator, with its user.
    pub const fn operation(&self) -> Option<(u64, &Change)> {
        match self {
            Self::Operate { user, change } => Some((*user, change)),
            _ => None,
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
