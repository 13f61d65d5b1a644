//! The DynamoDB tables, as operations in domain terms over one small client.

pub mod audit_trail;
pub mod counters;
pub mod database;
pub mod keys;
pub mod outbox;
pub mod transient;
pub mod user_events;
pub mod users;
