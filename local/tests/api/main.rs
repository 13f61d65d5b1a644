//! The tests of the API. Each has a complete Latchkey with its own tables, and uses it through HTTP. A module is an endpoint
//! or a concern; a `case_NN_…` module within it belongs to a family of docs/cases.md.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::wildcard_imports,
    reason = "a case's module is part of its file, named so that tests are found by the number of their family"
)]

mod sign_up {
    mod contract;
    mod taken;
    mod validation;
}
mod log_in {
    mod contract;
    mod password_hashes;
    mod passwords;
    mod sessions;
    mod source_limits;
    mod throttling;
    mod unknown_names;
    mod verified_email;
}
mod confirm_email;
mod delete_account;
mod log_out;
mod token {
    mod claims;
    mod contract;
    mod issuer;
    mod jwt_authorizer;
    mod keys;
    mod roles;
}
mod revert_email;
/// A change of address that takes effect once the new address is confirmed.
mod pending_email {
    mod concurrency;
    mod confirmations;
    mod mails;
    mod requests;
    mod setting_off;
}
mod sessions;
/// Events for other services.
mod user_events {
    mod contract;
    mod delivery;
    mod faults;
    mod format;
}
/// The cookie mode, at every endpoint.
mod session_cookie {
    mod contract;
    mod credentials;
    mod origins;
}
mod get_user {
    mod contract;
    mod ids;
}
mod jwks;
/// The hosted pages, as a browser gets them. `.ci/browser` uses them as a person does.
mod pages {
    mod contract;
    mod settings;
}
mod update_details {
    mod contract;
    mod current_password;
    mod limits;
    mod notices;
    mod validation;
}
mod reset_password {
    mod contract;
    mod enumeration;
    mod limits;
    mod recipient;
    mod source_limits;
}
mod reset_password_complete {
    mod contract;
    mod expiry;
    mod guessing;
    mod invalid_links;
    mod revoked_links;
}
/// Rules for field values, the same at every endpoint.
mod validation {
    mod addresses;
    mod field_names;
    mod malformed_values;
    mod names;
    mod passwords;
    mod stored_values;
}
/// Session tokens and the keys that sign them.
mod tokens {
    mod claims;
    mod credentials;
    mod header;
    mod key_rotation;
    mod lost_keys;
    mod sessions;
    mod signature;
    mod token_types;
}
/// Requests, events, routes and responses, the same at every endpoint.
mod http {
    mod bodies;
    mod edge;
    mod events;
    mod headers;
    mod panics;
    mod protocol;
    mod routes;
}
/// Accounts that the operator disabled, at every endpoint.
mod disabled_accounts {
    mod links;
    mod log_in;
    mod mails;
    mod names;
    mod reset_password;
    mod sessions;
}
/// `send_mail` and the mails that it sends.
mod mails {
    mod content;
    mod delivery;
    mod languages;
    mod malformed_items;
    mod recipient_limit;
    mod ses;
}
/// Requests that overlap.
mod concurrency {
    mod addresses;
    mod changes;
    mod disabling;
    mod log_ins;
    mod randomized;
    mod resets;
    mod sign_ups;
    mod throttling;
}
/// Faults of DynamoDB and of the network.
mod resilience {
    mod connections;
    mod failed_conditions;
    mod lost_responses;
    mod malformed_responses;
    mod unavailable;
    mod unreadable_keys;
}
mod console;
mod local_server;
/// The Lambda authorizer for the APIs of other stacks.
mod authorize {
    mod contract;
    mod faults;
    mod refusals;
}
/// Facts about the repository: structure, documentation, permissions, costs and logs.
mod project {
    mod architecture;
    mod audit_table;
    mod cases;
    mod costs;
    mod dependencies;
    mod events;
    mod links;
    mod logs;
    mod openapi;
    pub mod permissions;
    mod readme;
    mod security_docs;
}
/// The harness.
mod support {
    pub mod access_tokens;
    pub mod app;
    pub mod authorizer;
    pub mod browser;
    pub mod client;
    pub mod endpoints;
    pub mod events;
    pub mod jwt_authorizer;
    pub mod log_watch;
    pub mod mail_queue;
    pub mod malformed_values;
    pub mod operator;
    pub mod password_reset;
    pub mod paths;
    pub mod pending_email;
    pub mod proxy;
    pub mod raw_http;
    pub mod repository;
    pub mod response;
    pub mod scenario;
    pub mod shell;
    pub mod signing_keys;
    pub mod tables;
    pub mod times;
    pub mod token_forge;
}
