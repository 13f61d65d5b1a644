//! `GET /api/users/{id}`: a user's details, for that user and for superusers.

use lambda_http::{Request, RequestExt as _, http::StatusCode};
use shared::{
    app::App,
    domain::{user::View, user_id::UserId},
    http::{self, Error, Response, Violation},
    lambda::WarmUp,
};

/// A token is checked first.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Somebody else's id and nobody's get the same answer, decided without reading the other record.
///
/// # Errors
/// As the contract says.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let caller = app.authenticate(&request).await?;
    let id = id(&request)?;
    if id == caller.user.id {
        return http::json(StatusCode::OK, &View::from(&caller.user));
    }
    if !caller.user.is_superuser {
        return Err(Error::NotFound);
    }
    let user = app.users.by_id(id).await?.ok_or(Error::NotFound)?;
    http::json(StatusCode::OK, &View::from(&user))
}

fn id(request: &Request) -> Result<UserId, Error> {
    let parameters = request.path_parameters();
    UserId::parse(parameters.first("id").unwrap_or_default())
        .map_err(|error| Error::field("id", Violation::new("invalid", &error.to_string())))
}
