//! What was asked and answered: one [`Step`] for each request, with the logical times at which it began and ended.

use std::fmt;

use serde_json::Value;

use crate::support::response::Response;

/// A request. Its secrets are made up, so that a history can be printed whole.
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
    Ask {
        email: String,
    },
    Complete {
        link: String,
        password: String,
    },
}

/// What an update asks for.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub token: String,
    pub current: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub password: Option<String>,
    /// A field that is refused, with what is refused.
    pub bad: Option<(&'static str, Value)>,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct Step {
    pub worker: usize,
    pub began: u64,
    pub ended: u64,
    pub action: Action,
    /// Whose it is, as far as it was known when it began.
    pub user: Option<u64>,
    pub status: u16,
    pub text: String,
    pub retry_after: Option<u64>,
    /// Whether something befell the function meanwhile that justifies a 503.
    pub excused: bool,
    /// The clock when it ended.
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
            Self::Ask { .. } => "reset_password",
            Self::Complete { .. } => "reset_password_complete",
        }
    }

    /// The token that it is made with.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::LogOut { token } | Self::Read { token, .. } => Some(token),
            Self::Update(update) => Some(&update.token),
            _ => None,
        }
    }
}

impl Update {
    /// Whether another password is asked for, and not the present one again.
    pub fn new_password(&self) -> Option<&String> {
        let password = self.password.as_ref();
        password.filter(|password| **password != self.current)
    }

    /// Whether it makes another record of any: names and passwords are made up anew each time.
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
        answer: &Response,
    ) -> Self {
        let retry_after = answer
            .header("retry-after")
            .map(|value| value.parse().unwrap());
        Self {
            worker,
            began,
            ended: 0,
            action,
            user,
            status: answer.status,
            text: answer.text.clone(),
            retry_after,
            excused: false,
            now: 0,
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// It took place, says the answer.
    pub const fn is_done(&self) -> bool {
        self.status < 300
    }

    /// It took place or not: the answer cannot tell.
    pub const fn is_open(&self) -> bool {
        self.status == 503
    }

    /// It may have taken place.
    pub const fn may_be_done(&self) -> bool {
        self.is_done() || self.is_open()
    }

    /// Field and code of each fault of a 400.
    pub fn faults(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        let faults = body["errors"].as_array().into_iter().flatten();
        faults
            .map(|fault| (text(fault, "field"), text(fault, "code")))
            .collect()
    }

    pub fn has_fault(&self, field: &str, code: &str) -> bool {
        self.status == 400 && self.faults().contains(&(field.to_owned(), code.to_owned()))
    }

    /// The password that it sets, if it takes place.
    pub fn sets_password(&self) -> Option<&String> {
        match &self.action {
            Action::Update(update) => update.new_password(),
            Action::Complete { password, .. } => Some(password),
            _ => None,
        }
    }

    /// The update, if it is one.
    pub fn update(&self) -> Option<&Update> {
        match &self.action {
            Action::Update(update) => Some(update),
            _ => None,
        }
    }

    /// The address that it sets, if it takes place.
    pub fn sets_email(&self) -> Option<&String> {
        self.update()?.email.as_ref()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excused = if self.excused { " (struck)" } else { "" };
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
