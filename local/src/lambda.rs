//! Lambda: invokes the functions of the template, in this process or through the Runtime API.

pub mod functions;
mod invocation;
pub mod runtime_api;

pub use self::invocation::Error;
pub(crate) use self::invocation::Functions;
