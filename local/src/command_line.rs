//! The options of the development server.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use clap::Parser;
use local::Options;
use shared::app::Surroundings;
use tracing::Level;

/// Latchkey on this machine: the API, a DynamoDB and a mailbox in one process.
#[derive(Parser)]
#[command(args_override_self = true, version, about)]
pub(crate) struct CommandLine {
    /// Port of the API on 127.0.0.1
    #[arg(long, env = "PORT", default_value_t = 3000)]
    port: u16,
    /// Port of the DynamoDB endpoint
    #[arg(long, default_value_t = 8000)]
    dynamodb_port: u16,
    /// Address of the DynamoDB endpoint, which checks no credentials; for `sam local` on Linux the address of Docker's bridge
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    dynamodb_host: IpAddr,
    /// Keep the data in this file [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Write the functions' environment to this file, for `cargo lambda watch --env-file FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) environment: Option<PathBuf>,
    /// Do not limit how much one source address may do, for scripts and fuzzers
    #[arg(long)]
    no_source_limits: bool,
    /// Give every function this setting in place of the template's; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// The template to serve
    #[arg(long, value_name = "FILE", default_value_os_t = default_template())]
    template: PathBuf,
    /// Least severe level that functions log: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", default_value_t = Level::INFO)]
    pub(crate) log_level: Level,
}

impl CommandLine {
    /// The server that is asked for.
    pub(crate) fn into_options(self) -> Options {
        let mut settings: BTreeMap<String, String> = self.settings.into_iter().collect();
        settings
            .entry("LOG_LEVEL".to_owned())
            .or_insert_with(|| self.log_level.to_string().to_lowercase());
        // A mail that is waited for would tell, by the time it takes, which addresses somebody has.
        let hides_addresses = settings
            .get("REVEAL_UNKNOWN_EMAILS")
            .is_some_and(|value| value == "false");
        Options {
            data: self.data,
            mails_before_answers: !hides_addresses,
            port: self.port,
            dynamodb_port: self.dynamodb_port,
            dynamodb_host: self.dynamodb_host,
            settings,
            source_limits: !self.no_source_limits,
            ..Options::new(self.template, Surroundings::of_this_machine())
        }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// This project's template, also when the server is started from another folder.
fn default_template() -> PathBuf {
    let of_project = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
    match of_project.canonicalize() {
        Ok(file) => file,
        // The binary was moved away from where it was built.
        Err(_) => PathBuf::from("template.yaml"),
    }
}
