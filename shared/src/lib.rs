//! What two or more of Latchkey's functions need. In this order a module may use those above it and no other.

// Pure: no AWS type, nothing asynchronous, no environment, no time of its own.
pub mod clock;
pub mod digest;
pub mod email;
pub mod name;
pub mod password;
pub mod random;
pub mod user_id;
pub mod username;
// Pure, of the ones above.
pub mod failures;
pub mod reset_token;
pub mod settings;
// The records.
pub mod mail;
pub mod user;
// The tables.
pub mod database;
pub mod keys;
pub mod transient;
pub mod users;
// What is done with them.
pub mod outbox;
pub mod session;
pub mod signer;
pub mod verifier;
// The ways in and out.
pub mod app;
pub mod connection;
pub mod http;
pub mod lambda;
