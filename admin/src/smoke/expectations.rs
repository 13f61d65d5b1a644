//! What responses of the API must be, and parts of tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::api::ApiResponse;
use crate::error::Error;

pub(super) fn expect(
    route: &str,
    response: ApiResponse,
    expected: u16,
) -> Result<ApiResponse, Error> {
    if response.status == expected {
        return Ok(response);
    }
    let code = response.at("/code").as_str();
    let code = code.map(|code| format!(" ({code})"));
    Err(Error::message(format!(
        "{route} returned {}{}, expected {expected}",
        response.status,
        code.unwrap_or_default()
    )))
}

pub(super) fn check(holds: bool, problem: &str) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::message(problem))
    }
}

/// Returns the session token in the body or in the cookie.
pub(super) fn token(response: &ApiResponse) -> Result<String, Error> {
    let token = response.at("/token").as_str().or(response.session_cookie());
    let token = token.map(str::to_owned);
    token.ok_or_else(|| Error::message("the response contains no token"))
}

/// Returns the key id in the token's header.
pub(super) fn kid(token: &str) -> Option<Value> {
    part(token, 0)?.get_mut("kid").map(Value::take)
}

/// Returns a part of a token, decoded: the header (0) or the claims (1).
pub(super) fn part(token: &str, index: usize) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}
