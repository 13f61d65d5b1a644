//! Session tokens and the keys that sign and verify them.

use std::time::Duration;

mod key_sets;
pub mod session_token;
pub mod signer;
pub mod verifier;

/// The tolerated difference between the clocks of two machines.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);
