//! Times that tests wait for.

use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

pub const DAY_SECONDS: u64 = DAY.as_secs();

/// The time between two reset mails to one account.
pub const COOL_DOWN: Duration = Duration::from_mins(2);

/// The lifetime of a reset link.
pub const LINK_LIFETIME: Duration = Duration::from_hours(48);

/// The longest that any response may take.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
