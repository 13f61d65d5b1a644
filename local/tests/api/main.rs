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
mod counting;
mod doubt;
mod events;
mod faults;
mod get_user;
mod keys;
mod log_in;
mod logs;
mod mail_troubles;
mod mails;
mod malformed;
mod mangled;
mod minter;
mod odd_values;
mod proxy;
mod races;
mod races_in_pairs;
mod random;
mod raw;
mod raw_requests;
mod readme;
mod reset_edges;
mod resetting;
mod rights;
mod security;
mod serving;
mod sign_up;
mod structure;
mod tables;
mod token_edges;
mod tokens;
mod units;
mod updating;
mod watch;
mod wire_faults;
mod wrapper;
