//! What two or more of Latchkey's functions need. A module may import those above it and no other; a test holds it to
//! that. The lines between keep the order from being sorted.

// Pure: no AWS type, nothing asynchronous, no environment, no time of its own.
pub mod clock;
pub mod digest;
pub mod email;
pub mod name;
pub mod password;
// Uses `digest`.
pub mod random;
pub mod user_id;
pub mod username;
// Uses `clock`.
pub mod failures;
pub mod outcome;
pub mod reset_token;
pub mod settings;
// The records.
pub mod mail;
pub mod user;
// The tables.
pub mod database;
// Each a table.
pub mod keys;
pub mod transient;
pub mod users;
// What is done with them.
pub mod outbox;
pub mod signer;
pub mod verifier;
// Uses `signer`.
pub mod session;
// The ways in and out.
pub mod connection;
pub mod http;
// Everything a function works with.
pub mod app;
// What runs a function.
pub mod lambda;
