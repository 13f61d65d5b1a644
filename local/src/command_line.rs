//! The options of the development server.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use clap::Parser;
use local::Options;
use shared::app::Providers;
use tracing::Level;

/// Runs Latchkey on this machine: the API, a DynamoDB endpoint and a console in one process
#[derive(Parser)]
#[command(args_override_self = true, version, about)]
pub(crate) struct CommandLine {
    /// Port of the API on 127.0.0.1
    #[arg(long, env = "PORT", default_value_t = 3000)]
    port: u16,
    /// Port of the DynamoDB endpoint
    #[arg(long, default_value_t = 8000)]
    dynamodb_port: u16,
    /// Address of the DynamoDB endpoint, which checks no credentials; for `sam local` on Linux, that of Docker's bridge
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    dynamodb_host: IpAddr,
    /// File that keeps the data [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Open the console in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Turn off the rate limits by source address, for scripts and fuzzers
    #[arg(long)]
    no_source_limits: bool,
    /// Set a parameter of the template, or an environment variable of every function; can be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// SAM template to run
    #[arg(long, value_name = "FILE", default_value_os_t = default_template())]
    template: PathBuf,
    /// Log level of the functions: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", default_value_t = Level::INFO)]
    pub(crate) log_level: Level,
}

impl CommandLine {
    /// The options of the server.
    pub(crate) fn into_options(self) -> Options {
        let mut settings: BTreeMap<String, String> = self.settings.into_iter().collect();
        settings
            .entry("LOG_LEVEL".to_owned())
            .or_insert_with(|| self.log_level.to_string().to_lowercase());
        // A response that waits for a mail takes longer, which would reveal that the address is known.
        let hides_addresses = ["RevealUnknownEmails", "REVEAL_UNKNOWN_EMAILS"]
            .iter()
            .any(|name| settings.get(*name).is_some_and(|value| value == "false"));
        Options {
            data: self.data,
            wait_for_mails: !hides_addresses,
            port: self.port,
            dynamodb_port: self.dynamodb_port,
            dynamodb_host: self.dynamodb_host,
            settings,
            source_limits: !self.no_source_limits,
            ..Options::new(self.template, Providers::system())
        }
    }
}

/// The command that started this process, with `options` added, which override those before them.
pub(crate) fn with_options(options: &str) -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    #[expect(
        clippy::disallowed_methods,
        reason = "set by cargo, and no setting of the functions"
    )]
    let runs_in_cargo = std::env::var_os("CARGO").is_some();
    command(&program, arguments, options, runs_in_cargo)
}

fn command(
    program: &str,
    arguments: impl Iterator<Item = String>,
    options: &str,
    runs_in_cargo: bool,
) -> String {
    let start = if runs_in_cargo {
        "cargo run --".to_owned()
    } else {
        quoted(program)
    };
    let arguments = arguments.map(|argument| quoted(&argument));
    let words: Vec<_> = [start]
        .into_iter()
        .chain(arguments)
        .chain([options.to_owned()])
        .collect();
    words.join(" ")
}

/// The word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The template of this project, independent of the current directory.
fn default_template() -> PathBuf {
    let project_template = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
    match project_template.canonicalize() {
        Ok(file) => file,
        // The binary was moved to a machine without the sources.
        Err(_) => PathBuf::from("template.yaml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_keeps_its_arguments() {
        let arguments = ["--set", "ProductName=It's", "--open"].map(str::to_owned);
        let options = "--port 3001";
        assert_eq!(
            command("x", arguments.clone().into_iter(), options, true),
            r"cargo run -- --set 'ProductName=It'\''s' --open --port 3001"
        );
        assert_eq!(
            command("/opt/latchkey/local", [].into_iter(), options, false),
            "/opt/latchkey/local --port 3001"
        );
    }
}
