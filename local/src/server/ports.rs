//! Free ports in place of those that are in use.

use std::io;

use super::Options;
use crate::http_server;

/// The option with the port of the API.
pub(super) const API: &str = "--port";
/// The option with the port of the DynamoDB endpoint.
pub(super) const DYNAMODB: &str = "--dynamodb-port";

/// The number of ports that are tried.
const MAX_TRIED: u16 = 100;

/// The options that select the next free port in place of each one that is in use, such as `--port 3001`; empty if `error` has
/// another reason.
pub(super) async fn free(options: &Options, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::AddrInUse {
        return String::new();
    }
    let mut words = Vec::new();
    for (option, port) in [(API, options.port), (DYNAMODB, options.dynamodb_port)] {
        match next_free(port).await {
            Some(free) if free != port => words.push(format!("{option} {free}")),
            _ => {}
        }
    }
    words.join(" ")
}

/// The first free port from `port` on.
async fn next_free(port: u16) -> Option<u16> {
    for port in port..=port.saturating_add(MAX_TRIED) {
        if http_server::bind(port).await.is_ok() {
            return Some(port);
        }
    }
    None
}
