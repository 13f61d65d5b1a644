//! The business rules: e-mail addresses, names, passwords, users, mails, limits, time. Pure code: no AWS type, no `async`,
//! no environment variable, no system clock and no source of randomness.

pub mod clock;
pub mod color;
pub mod digest;
pub mod email;
pub mod error_code;
pub mod link_token;
pub mod locale;
pub mod lookup;
pub mod mail;
pub mod name;
pub mod password;
pub mod random;
pub mod rate_limit;
pub mod role;
pub mod settings;
pub mod signing_algorithm;
pub mod throttle;
pub mod user;
pub mod user_event;
pub mod user_id;
pub mod username;
