//! Confirmation of a change by the operator.

use std::io::{self, BufRead, IsTerminal as _, Write};

use clap::Args;

use crate::error::Error;

/// The option of commands that ask before they change anything.
#[derive(Args)]
pub(crate) struct Confirmation {
    /// Do not ask for confirmation; without a terminal this is required
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

impl Confirmation {
    /// Says what the command will do, and asks on the terminal unless `--yes` was given.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no terminal to ask on, and an error if the operator declines.
    pub(crate) fn confirm(&self, intention: &str) -> Result<(), Error> {
        let mut stderr = io::stderr();
        if self.yes {
            // Standard error may be closed, which is no reason to stop.
            let _ = writeln!(stderr, "{intention}");
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Error::Usage(format!(
                "nothing was done, since this has to be confirmed and standard input is not a terminal; add --yes. {intention}"
            )));
        }
        let is_confirmed = ask(&mut io::stdin().lock(), &mut stderr, intention)
            .map_err(|error| Error::new("the confirmation could not be read", &error))?;
        if is_confirmed {
            Ok(())
        } else {
            Err(Error::message("nothing was done: not confirmed"))
        }
    }
}

/// Returns true if the next line of `input` is `y` or `yes`, in whatever case.
fn ask(
    input: &mut impl BufRead,
    output: &mut impl Write,
    intention: &str,
) -> Result<bool, io::Error> {
    write!(output, "{intention}\nContinue? [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_confirms() {
        let confirms = |line: &str| {
            let mut output = Vec::new();
            let confirmed = ask(&mut line.as_bytes(), &mut output, "Deletes ann.").unwrap();
            assert_eq!(output, b"Deletes ann.\nContinue? [y/N] ");
            confirmed
        };
        for line in ["y\n", "yes\n", "Y\r\n", " YES \n", "y"] {
            assert!(confirms(line), "{line:?}");
        }
        for line in ["", "\n", "n\n", "no\n", "yep\n", "ye\n"] {
            assert!(!confirms(line), "{line:?}");
        }
    }
}
