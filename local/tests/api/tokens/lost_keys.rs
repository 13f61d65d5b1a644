//! One of the two items with keys is lost: it is made again, and no token becomes invalid that need not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, TestApp},
    proxy::FaultAction,
    signing_keys::{CACHE_SECONDS, PUBLISH_SECONDS, is_about_keys, kid, published},
    tables::KEYS,
    times::DAY_SECONDS,
};

mod case_07_signing_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_private_key_is_replaced_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.tables().delete(KEYS, "signing").await;
        // log_in has not cached the key yet.
        let token = app.token("john", PASSWORD).await;
        assert_ne!(kid(&token), kid(&user.token));
        for token in [&token, &user.token] {
            assert_eq!(app.details_with(&user, token).await.status, 200);
        }
        assert_eq!(published(&app).await, [kid(&user.token), kid(&token)]);
        // The lost key's last token may have been issued by a process that still had it.
        app.advance(Duration::from_secs(14 * DAY_SECONDS + CACHE_SECONDS + 5));
        assert_eq!(published(&app).await, [kid(&token)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lost_public_keys_are_published_again() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.advance(Duration::from_secs(30 * DAY_SECONDS));
        let old = app.token("john", PASSWORD).await;
        app.advance(Duration::from_secs(PUBLISH_SECONDS + CACHE_SECONDS));
        let new = app.token("john", PASSWORD).await;
        assert_ne!(kid(&old), kid(&new));
        let tables = app.tables();
        let before = tables.item(KEYS, "jwks").await.unwrap();
        tables.delete(KEYS, "jwks").await;
        app.advance(Duration::from_secs(CACHE_SECONDS));
        assert_eq!(app.details_with(&user, &new).await.status, 401);
        let third = app.token("john", PASSWORD).await;
        assert_eq!(kid(&third), kid(&new));
        for token in [&old, &new, &third] {
            assert_eq!(app.details_with(&user, token).await.status, 200);
        }
        assert_eq!(
            tables.item(KEYS, "jwks").await.unwrap()["keys"],
            before["keys"]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_public_key_that_is_missing_is_added() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
        let mut jwks = tables.item(KEYS, "jwks").await.unwrap();
        jwks["keys"] = json!([]);
        tables.put(KEYS, &jwks).await;
        let token = app.token("john", PASSWORD).await;
        assert_eq!(kid(&token), kid(&user.token));
        assert_eq!(app.details_with(&user, &token).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_signers_replace_a_lost_item_once() {
        for lost in ["signing", "jwks"] {
            let app = TestApp::start().await;
            app.sign_up("john").await;
            app.tables().delete(KEYS, lost).await;
            app.advance(Duration::from_secs(CACHE_SECONDS));
            app.proxy.rule_where(
                |call| call.is_write() && is_about_keys(call),
                FaultAction::Delay(Duration::from_millis(300)),
            );
            app.proxy.calls();
            let (token, jane) = tokio::join!(app.token("john", PASSWORD), app.sign_up("jane"));
            let calls = app.proxy.calls();
            let writes = calls
                .iter()
                .filter(|call| call.is_write() && is_about_keys(call));
            assert!(writes.count() >= 2, "both signers must have tried");
            assert_eq!(kid(&token), kid(&jane.token), "{lost}");
            assert_eq!(app.details(&jane).await.status, 200);
            assert!(published(&app).await.contains(&kid(&token)));
            let signing = app.tables().item(KEYS, "signing").await.unwrap();
            assert_eq!(signing["keys"].as_array().map(Vec::len), Some(1), "{lost}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unreadable_items_are_not_replaced() {
        for key in ["signing", "jwks"] {
            let app = TestApp::start().await;
            app.sign_up("john").await;
            let tables = app.tables();
            let mut item = tables.item(KEYS, key).await.unwrap();
            item["keys"] = Value::from("none");
            tables.put(KEYS, &item).await;
            app.log_in("john", PASSWORD).await.assert_unavailable();
            assert_eq!(tables.item(KEYS, key).await, Some(item));
        }
    }
}
