//! The options of the development server.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use clap::Parser;
use local::Options;
use shared::app::Providers;
use tracing::Level;

/// Runs Latchkey on this machine: the API, a DynamoDB endpoint and a mailbox in one process
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
