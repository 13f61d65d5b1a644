//! Session tokens and access tokens, and the keys that sign and verify them.

use std::time::Duration;

pub mod access_token;
mod key_pair;
mod key_sets;
pub mod public_key;
pub mod session_token;
pub mod signer;
pub mod verifier;

/// The tolerated difference between the clocks of two machines.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);

/// A key could not be generated or used, or a stored key is invalid.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

impl KeyError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
