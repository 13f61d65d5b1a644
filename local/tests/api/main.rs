//! Latchkey through its front door: every test has a whole one, with its own tables, and speaks HTTP to it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test that meets what it does not expect has failed"
)]

mod app;
mod events;
mod log_in;
mod proxy;
mod races;
mod readme;
mod serving;
mod sign_up;
mod structure;
mod tables;
mod units;
mod updating;
