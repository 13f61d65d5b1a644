//! `keys`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::latchkey::{Latchkey, PASSWORD};

#[tokio::test]
async fn a_rotated_key_signs_an_hour_later_and_both_verify() {
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
    latchkey.advance(Duration::from_mins(66));
    let (status, body) = latchkey.log_in("ann", PASSWORD).await;
    assert_eq!(status, 200);
    let token = body["token"].as_str().unwrap();
    assert_eq!(kid(&latchkey, token).await, Some(new));
    assert_eq!(latchkey.read(ann.id, token).await, 200);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

/// Returns the id of the public key that the token names.
async fn kid(latchkey: &Latchkey, token: &str) -> Option<Value> {
    let path = "/.well-known/jwks.json";
    let (_, jwks) = latchkey
        .call(reqwest::Method::GET, path, "", &Value::Null)
        .await;
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].clone())
        .find(|kid| *kid == header["kid"])
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
