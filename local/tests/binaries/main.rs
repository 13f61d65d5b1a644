//! The real binaries, each a process under a Runtime API as on Lambda, with the tables and the mailbox of the development server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::wildcard_imports,
    reason = "a case's module is part of its file, named so that tests are found by the number of their family"
)]

mod audit_log;
mod journey;
mod lifecycle;
mod mail_delivery;
mod resilience;
/// The harness.
mod support {
    pub mod fleet;
    pub mod network;
    pub mod process;
}
