//! Tests of the real binary against a whole Latchkey. The effect of each command is observed through the API.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation fails the test"
)]

mod accounts;
mod check;
mod erasure;
mod keys;
mod latchkey;
mod mails;
mod proxy;
mod restore;
mod sessions;
mod smoke;
