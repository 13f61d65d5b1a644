//! `POST /auth/logout`: ends the session that makes the request, and no other.

use lambda_http::Request;
use shared::{
    app::App,
    http::{Error, Response},
    lambda::WarmUp,
};

/// Reads the public keys: a request begins with the verification of its token.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Ends the session with one conditional write and no read: the condition is that the session exists.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let token = app.verify_token(&request).await?;
    if app.users.end_session(token.user, &token.session).await? {
        app.session_ended()
    } else {
        Err(Error::NotAuthenticated)
    }
}
