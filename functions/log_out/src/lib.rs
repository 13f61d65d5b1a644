//! `POST /auth/logout`: ends the session that makes the request, and no other.

use lambda_http::Request;
use shared::{
    app::App,
    http::{self, Error, Response},
    lambda::WarmUp,
};

/// A token is checked first.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// One conditional write and no read: whether the session lived is the write's own condition.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let bearer = app.verify_token(&request).await?;
    if app.users.end_session(bearer.user, &bearer.session).await? {
        Ok(http::no_content())
    } else {
        Err(Error::NotAuthenticated)
    }
}
