//! Signing and public keys that cannot be read.

use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    proxy::{FaultAction, error},
    signing_keys::{fail_key_calls, published},
    tables::{KEYS, USERS},
    times::HOUR,
    token_forge::TokenForge,
};

/// An app whose keys item `key` was modified by `modify` before `log_in` read it, and the original item.
async fn with_modified_keys(key: &str, modify: impl Fn(&mut Value)) -> (TestApp, Value) {
    let app = TestApp::start().await;
    let tables = app.tables();
    app.sign_up("john").await;
    let original = tables.item(KEYS, key).await.unwrap();
    let mut modified = original.clone();
    modify(&mut modified);
    tables.put(KEYS, &modified).await;
    (app, original)
}

mod case_41_unreadable_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signer_without_keys_returns_503_and_retries() {
        let app = TestApp::start().await;
        for action in [
            error(400, "ThrottlingException"),
            error(500, "InternalServerError"),
            FaultAction::CutBefore,
        ] {
            fail_key_calls(&app, action);
            let response = app.try_sign_up("john", "john@example.com", PASSWORD).await;
            response.assert_unavailable();
        }
        let tables = app.tables();
        assert_eq!(tables.all(USERS).await, [Value::Null; 0]);
        assert_eq!(tables.all(KEYS).await, [Value::Null; 0]);
        app.proxy.heal();
        let user = app.sign_up("john").await;
        fail_key_calls(&app, error(400, "ThrottlingException"));
        app.log_in("john", PASSWORD).await.assert_unavailable();
        assert_eq!(tables.session_count(user.id).await, 1);
        app.proxy.heal();
        let token = app.token("john", PASSWORD).await;
        assert_eq!(app.details_with(&user, &token).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_without_keys_returns_503_and_retries() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let change = json!({"current-password": PASSWORD, "first_name": "John"});
        for action in [
            error(400, "ThrottlingException"),
            error(500, "InternalServerError"),
            FaultAction::CutBefore,
        ] {
            fail_key_calls(&app, action);
            app.details(&user).await.assert_unavailable();
            app.update(&user.token, &change).await.assert_unavailable();
            app.log_out(&user.token).await.assert_unavailable();
            app.get("/.well-known/jwks.json", "")
                .await
                .assert_unavailable();
        }
        app.proxy.heal();
        let details = app.details(&user).await;
        assert_eq!(
            (details.status, &details.json()["first_name"]),
            (200, &json!(""))
        );
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
        assert_eq!(app.log_out(&user.token).await.status, 204);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_keeps_using_cached_keys() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
        app.advance(HOUR);
        fail_key_calls(&app, error(500, "InternalServerError"));
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_signing_key_returns_503() {
        let modifications: [fn(&mut Value); 6] = [
            |item| drop(item.as_object_mut().unwrap().remove("keys")),
            |item| item["keys"] = json!("none"),
            |item| item["version"] = json!("one"),
            |item| item["keys"][0]["pkcs8"] = json!("%%%"),
            |item| item["keys"][0]["pkcs8"] = json!("AAAA"),
            |item| item["keys"][0]["pkcs8"] = json!(""),
        ];
        for modify in modifications {
            let (app, original) = with_modified_keys("signing", modify).await;
            for _ in 0..2 {
                app.log_in("john", PASSWORD).await.assert_unavailable();
            }
            app.tables().put(KEYS, &original).await;
            app.token("john", PASSWORD).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_public_keys_return_503() {
        let modifications: [fn(&mut Value); 3] = [
            |item| drop(item.as_object_mut().unwrap().remove("keys")),
            |item| item["keys"] = json!("none"),
            |item| drop(item["keys"][0].as_object_mut().unwrap().remove("x")),
        ];
        for modify in modifications {
            let (app, original) = with_modified_keys("jwks", modify).await;
            // A token that no function can verify is not issued.
            app.log_in("john", PASSWORD).await.assert_unavailable();
            let token = TokenForge::unknown_key_token();
            for path in ["/api/users/1", "/.well-known/jwks.json"] {
                for _ in 0..2 {
                    app.get(path, &token).await.assert_unavailable();
                }
            }
            app.tables().put(KEYS, &original).await;
            let token = app.token("john", PASSWORD).await;
            assert_eq!(app.get("/api/users/1", &token).await.status, 404);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unrelated_malformed_keys_are_ignored() {
        let (app, original) = with_modified_keys("jwks", |item| {
            item["more"] = json!("x");
            item["keys"][0]["d"] = json!("private");
            item["keys"][0]["alg"] = json!("none");
            let mut broken = item["keys"][0].clone();
            broken["kid"] = json!("a".repeat(43));
            broken["x"] = json!("%");
            let mut point = broken.clone();
            point["kid"] = json!("b".repeat(43));
            point["x"] = json!("A".repeat(43));
            let keys = item["keys"].as_array_mut().unwrap();
            keys.insert(0, broken);
            keys.push(point);
        })
        .await;
        let token = app.token("john", PASSWORD).await;
        assert_eq!(app.get("/api/users/1", &token).await.status, 404);
        let published = app.get("/.well-known/jwks.json", "").await;
        assert_eq!(published.status, 200);
        let kid = &original["keys"][0]["kid"];
        let keys = published.json()["keys"].take();
        let ours = keys
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == *kid);
        assert_eq!(
            (&ours.unwrap()["alg"], ours.unwrap().get("d")),
            (&json!("ES256"), None)
        );
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&token, &change).await.status, 200);
        app.mail();
    }
}
