//! `GET /auth/sessions`: the caller's sessions. `DELETE /auth/sessions/{id}` ends one, `DELETE /auth/sessions` all of them.

use lambda_http::{
    Request, RequestExt as _,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use shared::{
    app::{App, Caller},
    domain::user::{Session, SessionId},
    http::{self, Error, Response},
    lambda::WarmUp,
    store::users::SessionEnd,
};

/// Reads the public keys: a request begins with the verification of its token.
pub const WARM_UP: WarmUp = WarmUp::PublicKeys;

/// Serves all three routes.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    if request.method() == Method::GET {
        list(app, &request).await
    } else if http::route(&request).ends_with("/{id}") {
        end_one(app, &request).await
    } else {
        end_all(app, &request).await
    }
}

/// Returns the sessions that have not expired, newest first.
async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let Caller { user, session } = app.authenticate(request).await?;
    let now = app.clock.now();
    let alive = user.sessions.iter();
    let mut alive: Vec<_> = alive.filter(|(_, one)| now < one.expires_at).collect();
    alive.sort_by_key(|(_, one)| (one.created_at, one.number));
    let sessions: Vec<_> = alive
        .into_iter()
        .rev()
        .map(|(id, one)| view(id, one, *id == session))
        .collect();
    http::json(StatusCode::OK, &json!({ "sessions": sessions }))
}

fn view(id: &SessionId, session: &Session, is_current: bool) -> Value {
    json!({
        "id": id.as_str(),
        "created_at": session.created_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "user_agent": session.user_agent,
        "current": is_current,
    })
}

/// Ends a session with one conditional write and no read: the condition is that it and the caller's session exist.
async fn end_one(app: &App, request: &Request) -> Result<Response, Error> {
    let token = app.verify_token(request).await?;
    let parameters = request.path_parameters();
    let id = SessionId::parse(parameters.first("id").unwrap_or_default());
    let Some(id) = id else {
        // The caller must still be signed in to learn so.
        app.authenticate(request).await?;
        return Err(Error::SessionNotFound);
    };
    let now = app.clock.now();
    let ended = app
        .users
        .end_session_for(token.user, &token.session, &id, now);
    match ended.await? {
        SessionEnd::Done if id == token.session => app.session_ended(),
        SessionEnd::Done => Ok(http::no_content()),
        SessionEnd::NotFound => Err(Error::SessionNotFound),
        SessionEnd::CallerEnded => Err(Error::NotAuthenticated),
    }
}

/// Ends every session, the calling one included, with one conditional write. A log-in at the same moment starts a session
/// before or after it.
async fn end_all(app: &App, request: &Request) -> Result<Response, Error> {
    let token = app.verify_token(request).await?;
    let ended = app
        .users
        .end_all_sessions(token.user, &token.session, app.clock.now());
    if ended.await? {
        app.session_ended()
    } else {
        Err(Error::NotAuthenticated)
    }
}
