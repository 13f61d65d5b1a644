//! The errors of a start: one line each, with advice where there is some.

use std::{io, net::SocketAddr};

use crate::{dynamodb, lambda, template};

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The template is missing, invalid or not supported.
    #[error(transparent)]
    Template(#[from] template::Error),
    /// A port cannot be bound.
    #[error("{}", port_problem(*port, option, source))]
    Port {
        /// The requested port.
        port: u16,
        /// The option that selects another port.
        option: &'static str,
        /// The error of the operating system.
        source: io::Error,
        /// The options that select free ports in place of all that are in use; empty if there are none.
        free_ports: String,
    },
    /// The address of the DynamoDB endpoint is not this machine's, or its port is in use.
    #[error(
        "cannot listen on {address}: {source}; choose another with --dynamodb-host and --dynamodb-port"
    )]
    DynamoDbAddress {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// A setting that is neither a parameter nor read by a function.
    #[error("there is no setting {0}; docs/settings.md lists them")]
    Setting(String),
    /// The database cannot be opened.
    #[error("DynamoDB: {0}")]
    Database(#[from] dynamodb::Error),
    /// A function cannot be started.
    #[error(transparent)]
    Function(#[from] lambda::Error),
    /// Another error of the operating system, or an unsupported event pattern.
    #[error(transparent)]
    Other(#[from] io::Error),
}

impl StartError {
    /// The options that select free ports, if a port is in use.
    #[must_use]
    pub fn free_ports(&self) -> Option<String> {
        match self {
            Self::Port { free_ports, .. } if !free_ports.is_empty() => Some(free_ports.clone()),
            _ => None,
        }
    }
}

fn port_problem(port: u16, option: &str, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is already in use; choose another one with {option}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} needs privileges; choose one from 1024 with {option}")
        }
        _ => format!("cannot bind port {port}: {source}; choose another one with {option}"),
    }
}
