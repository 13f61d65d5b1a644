//! The sockets of the API and of DynamoDB, and free ports in place of those that are in use.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::TcpListener;

use super::{Options, StartError};
use crate::http_server;

/// The option with the port of the API.
pub(super) const API: &str = "--port";
/// The option with the port of the DynamoDB endpoint.
const DYNAMODB: &str = "--dynamodb-port";

/// The number of ports that are tried.
const MAX_TRIED: u16 = 100;

/// Opens the socket of `port` on the loopback address; `option` selects another port.
pub(super) async fn bind(
    options: &Options,
    port: u16,
    option: &'static str,
) -> Result<TcpListener, StartError> {
    match http_server::bind(port).await {
        Ok(listener) => Ok(listener),
        Err(source) => Err(StartError::Port {
            port,
            option,
            free_ports: free(options, option, &source).await,
            source,
        }),
    }
}

/// Opens the socket of the DynamoDB endpoint.
pub(super) async fn bind_dynamodb(options: &Options) -> Result<TcpListener, StartError> {
    let (host, port) = (options.dynamodb_host, options.dynamodb_port);
    if host == Ipv4Addr::LOCALHOST {
        return bind(options, port, DYNAMODB).await;
    }
    TcpListener::bind((host, port))
        .await
        .map_err(|source| StartError::DynamoDbAddress {
            address: SocketAddr::new(host, port),
            source,
        })
}

/// Replaces the unspecified address, which means all addresses of this machine, by the loopback address.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, all.port()).into()
        }
        SocketAddr::V6(all) if all.ip().is_unspecified() => {
            (Ipv6Addr::LOCALHOST, all.port()).into()
        }
        specific => specific,
    }
}

/// The options that select the next free port in place of each one that is in use, such as `--port 3001`; empty if `error` has
/// another reason. `option` is the one whose port could not be bound; this process holds the port of an option before it.
async fn free(options: &Options, option: &str, error: &io::Error) -> String {
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
