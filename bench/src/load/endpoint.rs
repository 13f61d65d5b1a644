//! The endpoints under load, and their requests.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::products::{Account, Api, Call, post};

/// An endpoint under load.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// One user reads their own record.
    GetUser,
    /// A user logs in: one hash and one write.
    LogIn,
    /// A user requests a reset mail.
    ResetPassword,
}

impl Endpoint {
    /// All endpoints, in the order of their measurement.
    pub const ALL: [Self; 3] = [Self::GetUser, Self::LogIn, Self::ResetPassword];

    /// The rate of the first step, in requests a second.
    pub fn initial_rate(self) -> f64 {
        match self {
            Self::GetUser => 200.0,
            Self::LogIn => 10.0,
            Self::ResetPassword => 50.0,
        }
    }

    /// The requests, of which the client selects one at random each time. It selects bodies only and sends the same header fields
    /// with each, so that reads are about one user.
    pub fn calls(self, reader: &Account, users: &[Account]) -> Vec<Call> {
        match self {
            Self::GetUser => vec![Api::Latchkey.read(&reader.id, &reader.token)],
            Self::LogIn => users
                .iter()
                .map(|user| Api::Latchkey.log_in(user))
                .collect(),
            Self::ResetPassword => users
                .iter()
                .map(|user| json!({ "email": user.email }))
                .map(|body| post("/api/passwords/reset_password", 200, &body))
                .collect(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GetUser => "get_user",
            Self::LogIn => "log_in",
            Self::ResetPassword => "reset_password",
        })
    }
}
