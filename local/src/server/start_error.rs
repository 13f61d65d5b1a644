//! Why a server does not start, in one line each, with what to do about it.

use std::{io, net::SocketAddr};

use crate::{dynamodb, invocation, template};

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] template::Error),
    /// A port cannot be had.
    #[error("{}", port_problem(*port, option, source))]
    Port {
        /// The port that was asked for.
        port: u16,
        /// The option that chooses another.
        option: &'static str,
        /// Why it cannot be had.
        source: io::Error,
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
    /// A setting that no function reads.
    #[error("no function has a setting {0}; the Globals of template.yaml list them")]
    Setting(String),
    /// The tables cannot be had.
    #[error("DynamoDB: {0}")]
    Database(#[from] dynamodb::Error),
    /// A function cannot be run.
    #[error(transparent)]
    Function(#[from] invocation::Error),
    /// Something else that the operating system refused, or an event pattern that is not known.
    #[error(transparent)]
    Other(#[from] io::Error),
}

fn port_problem(port: u16, option: &str, source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::AddrInUse {
        format!("port {port} is in use already; choose another with {option}")
    } else {
        format!("port {port} cannot be had: {source}; choose another with {option}")
    }
}
