//! Latchkey through its front door: every test has a whole one, with its own tables, and speaks HTTP to it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test that meets what it does not expect has failed"
)]
#![allow(
    clippy::wildcard_imports,
    reason = "a case's module is a part of its file, named so that its tests are found by number"
)]

mod app;
mod cases;
mod events;
mod faults;
mod get_user;
mod hidden;
mod keys;
mod log_in;
mod logs;
mod mails;
mod malformed;
mod mangled;
mod minter;
mod more_faults;
mod more_log_in;
mod more_mails;
mod more_races;
mod more_resetting;
mod more_tokens;
mod more_users;
mod more_wrapper;
mod proxy;
mod races;
mod random;
mod raw;
mod readme;
mod resetting;
mod rights;
mod security;
mod serving;
mod sign_up;
mod structure;
mod tables;
mod tokens;
mod units;
mod updating;
mod watch;
mod wrapper;
