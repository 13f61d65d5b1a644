//! `GET /api/users/{id}`: a user's details, for that user and for superusers.

use lambda_http::{Request, RequestExt as _, http::StatusCode};
use shared::{
    app::App,
    audit,
    domain::{user::View, user_id::UserId},
    http::{self, Error, Response},
    lambda::WarmUp,
};

/// Reads the public keys: a request begins with the verification of its token.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Returns the user with this id. For callers who are not superusers, other users' ids and unknown ids are
/// indistinguishable: both are rejected without reading the requested record.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let caller = app.authenticate(&request).await?;
    let id = parse_id(&request)?;
    if id == caller.user.id {
        return http::json(StatusCode::OK, &View::from(&caller.user));
    }
    if !caller.user.is_superuser {
        return Err(Error::NotFound);
    }
    let user = app.users.by_id(id).await?.ok_or(Error::NotFound)?;
    audit::superuser_read(caller.user.id, user.id, &app.source(&request));
    http::json(StatusCode::OK, &View::from(&user))
}

fn parse_id(request: &Request) -> Result<UserId, Error> {
    let parameters = request.path_parameters();
    UserId::parse(parameters.first("id").unwrap_or_default())
        .map_err(|error| Error::field("id", error))
}
