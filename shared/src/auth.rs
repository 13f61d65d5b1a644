//! Session tokens and the keys that sign and verify them.

use std::time::Duration;

pub mod session_token;
pub mod signer;
pub mod verifier;

/// The largest difference between the clocks of two machines that is tolerated.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);
