//! The real binaries, each a process under a Runtime API as on Lambda, against the local server's tables and mails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test that meets what it does not expect has failed"
)]

mod faults;
mod fleet;
mod journey;
mod process;
mod wire;
