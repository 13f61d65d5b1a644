//! Tests of the real binary against a whole Latchkey. The effect of each command is observed through the API.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation fails the test"
)]

mod accounts;
mod audit;
mod check;
mod erasure;
mod events;
mod keys;
mod latchkey;
mod limits;
mod mails;
mod proxy;
mod restore;
mod rights;
mod sessions;
mod smoke;
mod superuser;
mod user;
