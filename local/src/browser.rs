//! Opens a page in the browser of this machine.

use std::{
    process::{Command, Stdio},
    thread,
};

/// The program that opens a URL.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
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
            // Some of these programs run as long as the browser.
            let url = url.to_owned();
            thread::spawn(move || match program.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::warn!(%status, url, "{OPENER} opened no browser"),
                Err(error) => tracing::warn!(%error, url, "{OPENER} opened no browser"),
            });
            Ok(())
        }
        Err(error) => Err(format!(
            "could not run {OPENER} ({error}); open {url} yourself"
        )),
    }
}
