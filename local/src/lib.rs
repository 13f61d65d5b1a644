//! Latchkey's development server: every function of template.yaml, with DynamoDB, SES and API Gateway, in one process.
//! For development and tests. Never deployed.

mod clock;
mod console;
mod dynamodb;
mod event_bridge;
mod event_source;
pub mod faults;
mod gateway;
mod http_server;
mod lambda;
mod scheduler;
pub mod server;
mod ses;
pub mod template;
pub mod testing;
mod updates;

pub use self::{
    console::PAGE as CONSOLE,
    event_bridge::PublishedEvent,
    gateway::REQUEST_LOG,
    lambda::{functions, runtime_api},
    server::{Options, Server, StartError},
    ses::Mail,
};
