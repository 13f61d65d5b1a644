//! Opens a page in the browser of this machine.

use std::{
    process::{Command, Stdio},
    thread,
};

/// The program that opens a URL.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// Opens `url`. The error says what to do.
pub(crate) fn open(url: &str) -> Result<(), String> {
    let started = Command::new(OPENER)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut program) => {
            // Collects the exit status; some of these programs run as long as the browser.
            thread::spawn(move || program.wait());
            Ok(())
        }
        Err(error) => Err(format!(
            "could not run {OPENER} ({error}); open {url} yourself"
        )),
    }
}
