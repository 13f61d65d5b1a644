//! The real binary against a whole Latchkey: what each command does is seen through the API.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect has failed"
)]

mod accounts;
mod keys;
mod latchkey;
mod mails;
mod restore;
mod sessions;
