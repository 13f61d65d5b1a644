//! The signing keys, as clients and the tables show them.

use reqwest::Method;

use super::{
    app::TestApp,
    proxy::{Call, FaultAction},
    response::Response,
    tables::KEYS,
    token_forge::part,
};

/// The longest that signers and verifiers cache keys, in seconds.
pub const CACHE_SECONDS: u64 = 60;

/// The time that a new key is published before it signs, in seconds.
pub const PUBLISH_SECONDS: u64 = 3 * 60 * 60;

/// The response with the public keys.
pub async fn jwks(app: &TestApp) -> Response {
    let response = app
        .send(app.request(Method::GET, "/.well-known/jwks.json"))
        .await;
    assert_eq!(response.status, 200, "{response:?}");
    response
}

/// The ids of the published keys.
pub async fn published(app: &TestApp) -> Vec<String> {
    let keys = jwks(app).await.json()["keys"].as_array().unwrap().clone();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The id of the key that signed `token`.
pub fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

/// `true` for a call to the keys table.
pub fn is_about_keys(call: &Call) -> bool {
    call.keys().iter().any(|(table, _)| table == KEYS)
}

/// The number of calls to the keys table since the last look at the calls.
pub fn key_calls(app: &TestApp) -> usize {
    let calls = app.proxy.calls();
    calls.iter().filter(|call| is_about_keys(call)).count()
}

/// The number of writes to the keys table since the last look at the calls.
pub fn key_writes(app: &TestApp) -> usize {
    let calls = app.proxy.calls();
    let writes = calls.iter().filter(|call| call.is_write());
    writes.filter(|call| is_about_keys(call)).count()
}

/// Applies `action` to every call to the keys table.
pub fn fail_key_calls(app: &TestApp, action: FaultAction) {
    app.proxy.rule_where(is_about_keys, action);
}
