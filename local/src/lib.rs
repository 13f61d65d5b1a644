//! Latchkey's development server: every function of template.yaml, DynamoDB, SES and API Gateway in one process, for
//! people and for tests. Never deployed.

mod dynamodb;
pub mod functions;
mod gateway;
mod invocation;
mod listener;
mod mailbox;
pub mod runtime_api;
pub mod server;
mod ses;
mod stream;
pub mod template;

pub use self::{
    gateway::REQUEST_LOG,
    mailbox::PAGE as MAILBOX,
    server::{Options, Server, StartError},
    ses::Mail,
};
