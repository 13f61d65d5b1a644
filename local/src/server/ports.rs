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
/// another reason. `option` is the one whose port could not be bound; this process holds the port of an option before it.
pub(super) async fn free(options: &Options, option: &str, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::AddrInUse {
        return String::new();
    }
    let ports = [(API, options.port), (DYNAMODB, options.dynamodb_port)];
    let mut words = Vec::new();
    let mut taken = Vec::new();
    for (option, port) in ports.into_iter().skip_while(|(name, _)| *name != option) {
        let free = next_free(port, &taken).await;
        taken.extend(free);
        if let Some(free) = free.filter(|free| *free != port) {
            words.push(format!("{option} {free}"));
        }
    }
    words.join(" ")
}

/// The first free port from `port` on that is not in `taken`.
async fn next_free(port: u16, taken: &[u16]) -> Option<u16> {
    for port in port..=port.saturating_add(MAX_TRIED) {
        if !taken.contains(&port) && http_server::bind(port).await.is_ok() {
            return Some(port);
        }
    }
    None
}
