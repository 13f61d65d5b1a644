//! Code that two or more of Latchkey's functions use. Each folder may import from those before it in this list, and from
//! no other: `domain`, `audit`, `store`, `auth`, `http`, `app`, `lambda`. A test checks this.

pub mod app;
pub mod audit;
pub mod auth;
pub mod domain;
pub mod http;
pub mod lambda;
pub mod store;
