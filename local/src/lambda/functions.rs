//! The functions that the development server can run, one line each.

use shared::{
    app::App,
    lambda::{Invoke, endpoint},
};

/// Builds a function on the app that it works with.
pub type Build = fn(&'static App) -> Invoke;

/// Every function by its name, which is also the name of its folder, its crate and its binary.
pub const REGISTRY: &[(&str, Build)] = &[
    ("authorize", authorize::authorizer),
    ("confirm_email", |app| endpoint(app, confirm_email::handler)),
    ("delete_account", |app| {
        endpoint(app, delete_account::handler)
    }),
    ("get_user", |app| endpoint(app, get_user::handler)),
    ("jwks", |app| endpoint(app, jwks::handler)),
    ("log_in", |app| endpoint(app, log_in::handler)),
    ("log_out", |app| endpoint(app, log_out::handler)),
    ("pages", |app| endpoint(app, pages::handler)),
    ("publish", publish::consumer),
    ("reset_password", |app| {
        endpoint(app, reset_password::handler)
    }),
    ("reset_password_complete", |app| {
        endpoint(app, reset_password_complete::handler)
    }),
    ("revert_email", |app| endpoint(app, revert_email::handler)),
    ("send_mail", send_mail::consumer),
    ("sessions", |app| endpoint(app, sessions::handler)),
    ("sign_up", |app| endpoint(app, sign_up::handler)),
    ("token", |app| endpoint(app, token::handler)),
    ("update_details", |app| {
        endpoint(app, update_details::handler)
    }),
];
