//! `POST /auth/token`: exchanges the session for a short-lived access token, with which other services accept the user.

use lambda_http::{Request, http::StatusCode};
use serde::Serialize;
use shared::{
    app::App,
    auth::access_token::{self, TokenOptions},
    http::{self, Error, Fields, Response, Violation},
    lambda::WarmUp,
};

/// Reads the key that signs access tokens, or creates it.
pub const WARM_UP: WarmUp = WarmUp::AccessSigningKey;

/// The body of the response (RFC 6749, section 5.1).
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

/// Returns an access token for the audience that the request names, or the first one of the setting.
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    let caller = app.authenticate(&request).await?;
    let settings = &app.settings.access_tokens;
    let audience = parse_audience(&request, &settings.audiences)?;
    let session = caller.user.sessions.get(&caller.session);
    let session = session.ok_or(Error::NotAuthenticated)?;
    let key = app.access_signer.key().await?;
    let options = TokenOptions {
        issuer: &app.issuer(&request)?,
        audience,
        claims: &settings.claims,
        lifetime: settings.lifetime,
    };
    let now = app.clock.now();
    let issued = access_token::issue(&key, &options, &caller.user, session, now, &app.random)
        .map_err(Error::internal)?;
    let body = TokenResponse {
        access_token: &issued.token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
    };
    http::json(StatusCode::OK, &body)
}

/// Returns the audience of the request, which needs no body.
fn parse_audience<'a>(request: &Request, audiences: &'a [String]) -> Result<&'a str, Error> {
    let named = |name: &str| {
        let known = audiences.iter().find(|audience| *audience == name);
        known.ok_or_else(|| Violation::new("invalid", "is not an audience of this service"))
    };
    let chosen = if request.body().is_empty() {
        None
    } else {
        http::body(request, |fields: &mut Fields| {
            Some(fields.optional("audience", named))
        })?
    };
    let audience = chosen.or(audiences.first());
    audience
        .map(String::as_str)
        .ok_or_else(|| Error::internal("there is no audience"))
}
