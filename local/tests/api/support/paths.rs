//! Paths of the endpoints.

pub const SIGN_UP: &str = "/auth/signup";
pub const LOG_IN: &str = "/auth/login";
pub const TOKEN: &str = "/auth/token";
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
pub const UPDATE_DETAILS: &str = "/api/users/update_details";
pub const RESET_PASSWORD: &str = "/api/passwords/reset_password";
pub const DELETE_ACCOUNT: &str = "/api/users/delete_account";
pub const REVERT_EMAIL: &str = "/auth/revert_email";
pub const CONFIRM_EMAIL: &str = "/auth/confirm_email";
pub const RESEND_CONFIRMATION: &str = "/auth/confirm_email/resend";
pub const RESET_PASSWORD_COMPLETE: &str = "/api/passwords/reset_password_complete";
