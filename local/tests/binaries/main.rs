//! The real binaries, each a process under a Runtime API as on Lambda, against the local server's tables and mails.

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

mod audit;
mod faults;
mod fleet;
mod journey;
mod mail_process;
mod process;
mod wire;
