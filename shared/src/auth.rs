//! Session tokens and access tokens, and the keys that sign and verify them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

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

/// Reads a part of a token: a JSON object in base64url (RFC 7515, section 2). An array of the same values is rejected, which
/// serde would accept for a struct.
fn read_part<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    if !json.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(&json).ok()
}
