//! `keys`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    latchkey::{Latchkey, PASSWORD, run},
    proxy::{self, Action},
};

#[tokio::test]
async fn a_rotated_key_signs_three_hours_later_and_both_verify() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let shown = latchkey.json(&["keys", "show"]).await;
    let old = shown["keys"][0]["kid"].clone();
    assert_eq!(shown["keys"][0]["state"], "signs");
    let rotated = latchkey.json(&["keys", "rotate"]).await;
    let new = rotated["kid"].clone();
    assert_ne!(new, old);
    let output = latchkey.admin(&["keys", "show"]).await;
    assert!(output.out.contains("signs from 2"), "{}", output.out);
    latchkey.advance(Duration::from_mins(3 * 60 - 1));
    let (_, body) = latchkey.log_in("ann", PASSWORD).await;
    assert_eq!(kid(body["token"].as_str().unwrap()), old);
    latchkey.advance(Duration::from_mins(2));
    let (status, body) = latchkey.log_in("ann", PASSWORD).await;
    assert_eq!(status, 200);
    let token = body["token"].as_str().unwrap();
    assert_eq!(kid(token), new);
    assert!(published(&latchkey).await.contains(&new));
    assert_eq!(latchkey.read(ann.id, token).await, 200);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

/// Returns the id of the key that signed the token.
fn kid(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].take()
}

/// Returns the ids of the public keys.
async fn published(latchkey: &Latchkey) -> Vec<Value> {
    let path = "/.well-known/jwks.json";
    let (_, jwks) = latchkey.call(Method::GET, path, "", &Value::Null).await;
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].clone()).collect()
}

/// Returns the status of a request with this token to each function that authenticates; the last one ends its session.
async fn statuses(latchkey: &Latchkey, id: u64, token: &str) -> [u16; 3] {
    let change = json!({"current-password": PASSWORD, "first_name": "Ann"});
    let update = latchkey.call(Method::PATCH, "/api/users/update_details", token, &change);
    let update = update.await.0;
    let read = latchkey.read(id, token).await;
    let log_out = latchkey.call(Method::POST, "/auth/logout", token, &Value::Null);
    [read, update, log_out.await.0]
}

#[tokio::test]
async fn a_revoked_signing_key_ends_within_a_minute() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let token = |body: &Value| body["token"].as_str().unwrap().to_owned();
    // Every function has the key in its cache now.
    let (_, body) = latchkey.log_in("ann", PASSWORD).await;
    assert_eq!(
        statuses(&latchkey, ann.id, &token(&body)).await,
        [200, 200, 204]
    );
    let (_, body) = latchkey.log_in("ann", PASSWORD).await;
    let old = token(&body);
    let leaked = kid(&old);
    // The next key is published already, and stored beside the leaked one.
    let next = latchkey.json(&["keys", "rotate"]).await["kid"].clone();
    let revoked = latchkey
        .json(&["keys", "revoke", leaked.as_str().unwrap()])
        .await;
    let new = revoked["new_kid"].clone();
    assert!(new.is_string() && new != leaked && new != next, "{revoked}");
    assert_eq!(revoked["rejected_within_seconds"], 60);
    latchkey.advance(Duration::from_mins(1));
    assert_eq!(statuses(&latchkey, ann.id, &old).await, [401, 401, 401]);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(published(&latchkey).await, std::slice::from_ref(&new));
    let (_, body) = latchkey.log_in("ann", PASSWORD).await;
    assert_eq!(kid(&token(&body)), new);
    assert_eq!(
        statuses(&latchkey, ann.id, &token(&body)).await,
        [200, 200, 204]
    );
}

#[tokio::test]
async fn revoking_a_former_key_keeps_the_one_in_use() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let former = kid(&ann.token);
    latchkey.json(&["keys", "rotate"]).await;
    // The clock of `admin` is DynamoDB's, which this test does not advance.
    let mut signing = latchkey.items("KeysTable").await;
    signing.retain(|item| item["pk"].as_s().unwrap() == "signing");
    let mut keys = signing[0]["keys"].as_l().unwrap().clone();
    for key in &mut keys {
        let AttributeValue::M(key) = key else {
            panic!("not a map")
        };
        key.insert("signs_from".to_owned(), AttributeValue::N("1".to_owned()));
    }
    latchkey
        .set("KeysTable", "signing", "keys", AttributeValue::L(keys))
        .await;
    latchkey.advance(Duration::from_mins(1));
    let (_, body) = latchkey.log_in("ann", PASSWORD).await;
    let token = body["token"].as_str().unwrap();
    assert_ne!(kid(token), former);
    let revoked = latchkey
        .json(&["keys", "revoke", former.as_str().unwrap()])
        .await;
    assert_eq!(revoked["new_kid"], Value::Null);
    latchkey.advance(Duration::from_mins(1));
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(latchkey.read(ann.id, token).await, 200);
    let published = published(&latchkey).await;
    assert!(published.contains(&kid(token)) && !published.contains(&former));
    let again = latchkey
        .admin(&["keys", "revoke", former.as_str().unwrap()])
        .await;
    assert_eq!(again.code, 1);
    assert!(
        again.error.starts_with("error: no key has this id"),
        "{again:?}"
    );
}

#[tokio::test]
async fn keys_are_timed_by_the_servers_clock() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let upstream = format!("http://{}", latchkey.server.dynamodb_address());
    let date = "Sat, 31 Jan 2037 12:00:00 GMT";
    let endpoint = proxy::start(upstream, move |_| Action::ForwardDated(date)).await;
    let output = run(&["--endpoint-url", &endpoint, "--json", "keys", "rotate"]).await;
    let rotated: Value = serde_json::from_str(&output.out).unwrap();
    let signs_from = rotated["signs_from"].as_str().unwrap();
    assert!(signs_from.starts_with("2037-01-31T15:00:0"), "{output:?}");
}

#[tokio::test]
async fn a_key_that_does_not_sign_yet_is_replaced_only_by_force() {
    let latchkey = Latchkey::start().await;
    let none = latchkey.admin(&["keys", "rotate"]).await;
    assert_eq!(
        none.error,
        "error: there are no keys yet; the first sign-up creates them\n"
    );
    latchkey.sign_up("ann").await;
    latchkey.json(&["keys", "rotate"]).await;
    let again = latchkey.admin(&["keys", "rotate"]).await;
    assert_eq!(again.code, 1);
    assert!(
        again.error.contains("is already published and signs from"),
        "{}",
        again.error
    );
    latchkey.json(&["keys", "rotate", "--force"]).await;
    let shown = latchkey.json(&["keys", "show"]).await;
    assert_eq!(shown["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn no_private_key_is_shown() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let signing = latchkey.items("KeysTable").await;
    let signing = signing
        .iter()
        .find(|item| item["pk"].as_s().unwrap() == "signing")
        .unwrap();
    let key = signing["keys"].as_l().unwrap()[0].as_m().unwrap();
    let private = key["pkcs8"].as_s().unwrap();
    for arguments in [["keys", "show"], ["keys", "rotate"]] {
        let output = latchkey.admin(&arguments).await;
        assert_eq!(output.code, 0, "{output:?}");
        assert!(!output.out.contains(&private[..20]) && output.error.is_empty());
    }
}

/// Requests an access token and returns the id of the key that signed it.
async fn access_kid(latchkey: &Latchkey, session: &str) -> Value {
    let (status, body) = latchkey
        .call(Method::POST, "/auth/token", session, &Value::Null)
        .await;
    assert_eq!(status, 200, "{body}");
    kid(body["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn keys_of_access_tokens_are_shown_and_rotated_apart() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let none = latchkey
        .admin(&["keys", "rotate", "--tokens", "access"])
        .await;
    assert_eq!(
        none.error,
        "error: there are no keys for access tokens yet; the first request for an access token creates them\n"
    );
    let old = access_kid(&latchkey, &ann.token).await;
    let rotated = latchkey
        .json(&["keys", "rotate", "--tokens", "access"])
        .await;
    let shown = latchkey.json(&["keys", "show"]).await;
    let rows: Vec<_> = shown["keys"].as_array().unwrap().iter().collect();
    let facts = |name: &str| rows.iter().map(|key| key[name].clone()).collect::<Vec<_>>();
    assert_eq!(facts("tokens"), ["session", "access", "access"]);
    assert_eq!(facts("algorithm"), ["ES256", "RS256", "RS256"]);
    assert_eq!(facts("kid")[1..], [old.clone(), rotated["kid"].clone()]);
    assert_eq!(facts("state")[1], "signs");
    // An hour, the longest lifetime of an access token, and the caches.
    // An hour, the longest lifetime of an access token, a minute in the caches, and clock skew.
    let items = latchkey.items("KeysTable").await;
    let number = |item: &str, index: usize, name: &str| -> u64 {
        let item = items
            .iter()
            .find(|found| found["pk"].as_s().unwrap() == item);
        let key = item.unwrap()["keys"].as_l().unwrap()[index].as_m().unwrap();
        key[name].as_n().unwrap().parse().unwrap()
    };
    assert_eq!(
        number("access_jwks", 0, "until"),
        number("access_signing", 1, "signs_from") + 3_600 + 60 + 5
    );
    latchkey.advance(Duration::from_mins(3 * 60 + 2));
    assert_eq!(access_kid(&latchkey, &ann.token).await, rotated["kid"]);
    // The keys of session tokens are as before.
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

#[tokio::test]
async fn a_revoked_key_of_access_tokens_is_replaced_by_one_of_its_algorithm() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let leaked = access_kid(&latchkey, &ann.token).await;
    let revoked = latchkey
        .json(&["keys", "revoke", leaked.as_str().unwrap()])
        .await;
    latchkey.advance(Duration::from_mins(1));
    assert_eq!(access_kid(&latchkey, &ann.token).await, revoked["new_kid"]);
    let published = published(&latchkey).await;
    assert!(published.contains(&revoked["new_kid"]) && !published.contains(&leaked));
    let shown = latchkey.json(&["keys", "show"]).await;
    assert_eq!(shown["keys"][1]["algorithm"], "RS256");
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}
