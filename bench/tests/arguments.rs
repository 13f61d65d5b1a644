//! The command line of the benchmark.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a panic is how a test fails"
)]

use std::process::Command;

#[test]
fn an_unknown_contestant_is_an_error_before_anything_is_built() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--only", "hello,get_usr"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("there is no contestant get_usr"), "{error}");
}
