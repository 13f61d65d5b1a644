//! Signing keys: creation, rotation after 30 days, and publication before and after a key signs.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp},
    proxy::FaultAction,
    response::problem,
    signing_keys::{
        CACHE_SECONDS, PUBLISH_SECONDS, is_about_keys, key_calls, key_writes, kid, published,
    },
    tables::KEYS,
    times::DAY_SECONDS,
    token_forge::{TokenForge, TokenParts, assert_token_rejected, part},
};

/// Delays the writes of keys until every other function has read the table.
fn slow_down_stores(app: &TestApp) {
    app.proxy.rule_where(
        |call| call.is_write() && is_about_keys(call),
        FaultAction::Delay(Duration::from_millis(500)),
    );
}

mod case_07_signing_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn rotation_neither_shortens_nor_prolongs_tokens() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let first = kid(&user.token);
        let old = TokenForge::of(&app).await;
        app.advance(Duration::from_secs(30 * DAY_SECONDS - 1));
        let token = app.token("john", PASSWORD).await;
        assert_eq!(
            (kid(&token), published(&app).await),
            (first.clone(), vec![first.clone()])
        );
        // The key is old enough: another one is published, but does not sign yet.
        app.advance(Duration::from_secs(CACHE_SECONDS));
        let rotated_at = app.now();
        let token = app.token("john", PASSWORD).await;
        assert_eq!(kid(&token), first);
        app.advance(Duration::from_secs(CACHE_SECONDS));
        let both = published(&app).await;
        assert_eq!((both.len(), &both[0]), (2, &first));
        let second = both[1].clone();
        app.advance(Duration::from_secs(PUBLISH_SECONDS - CACHE_SECONDS - 1));
        let last = app.token("john", PASSWORD).await;
        assert_eq!(
            kid(&last),
            first,
            "a new key must not sign within its first three hours"
        );
        app.advance(Duration::from_secs(CACHE_SECONDS));
        let new = app.token("john", PASSWORD).await;
        assert_eq!(kid(&new), second);
        for token in [&token, &last, &new] {
            assert_eq!(app.details_with(&user, token).await.status, 200);
        }
        // The last token of the old key expires while the key is still published.
        app.advance(Duration::from_secs(14 * DAY_SECONDS - CACHE_SECONDS));
        assert_eq!(app.details_with(&user, &last).await.status, 401);
        assert_eq!(published(&app).await, [first.clone(), second.clone()]);
        // A stolen old key is accepted until it is removed, and not a second longer.
        let fresh = app.token("john", PASSWORD).await;
        let mut header = part(&fresh, 0);
        header["kid"] = json!(first);
        let forged = old.sign(&header.to_string(), &part(&fresh, 1).to_string());
        let gone_at = rotated_at + PUBLISH_SECONDS + CACHE_SECONDS + 14 * DAY_SECONDS + 5;
        app.advance(Duration::from_secs(gone_at - app.now() - 1));
        assert_eq!(app.details_with(&user, &forged).await.status, 200);
        assert_eq!(published(&app).await, [first.clone(), second.clone()]);
        app.advance(Duration::from_secs(1));
        assert_eq!(app.details_with(&user, &forged).await.status, 401);
        assert_eq!(app.log_out(&forged).await.status, 401);
        assert_eq!(published(&app).await, [second]);
        assert_eq!(app.details_with(&user, &fresh).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_third_key_replaces_the_first() {
        let app = TestApp::start().await;
        let first = kid(&app.sign_up("john").await.token);
        app.advance(Duration::from_secs(30 * DAY_SECONDS));
        app.token("john", PASSWORD).await;
        app.advance(Duration::from_secs(31 * DAY_SECONDS));
        let second = kid(&app.token("john", PASSWORD).await);
        app.advance(Duration::from_secs(PUBLISH_SECONDS + CACHE_SECONDS));
        let third = kid(&app.token("john", PASSWORD).await);
        assert_eq!(published(&app).await, [second.clone(), third.clone()]);
        assert!(first != second && second != third);
        let tables = app.tables();
        let signing = tables.item(KEYS, "signing").await.unwrap();
        let private = signing["keys"].as_array().unwrap();
        assert_eq!(
            private
                .iter()
                .map(|key| key["kid"].clone())
                .collect::<Vec<_>>(),
            [json!(second), json!(third)]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_cold_starts_create_one_key() {
        let app = TestApp::start().await;
        // This verifier starts before there is any key, and looks for an unknown one.
        assert_eq!(
            app.get("/api/users/1", &TokenForge::unknown_key_token())
                .await
                .status,
            401
        );
        assert_eq!(published(&app).await, [""; 0]);
        app.proxy.calls();
        slow_down_stores(&app);
        let (john, jane) = tokio::join!(app.sign_up("john"), app.sign_up("jane"));
        assert!(key_writes(&app) >= 2, "both signers must have found no key");
        assert_eq!(kid(&john.token), kid(&jane.token));
        assert_eq!(published(&app).await, [kid(&john.token)]);
        for user in [&john, &jane] {
            assert_eq!(app.details(user).await.status, 200);
        }
        assert_eq!(app.tables().all(KEYS).await.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_rotations_create_one_key() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.advance(Duration::from_secs(30 * DAY_SECONDS));
        slow_down_stores(&app);
        app.proxy.calls();
        let (token, jane) = tokio::join!(app.token("john", PASSWORD), app.sign_up("jane"));
        assert!(key_writes(&app) >= 2, "both signers must have found no key");
        assert_eq!(published(&app).await.len(), 2);
        assert_eq!(app.details_with(&user, &token).await.status, 200);
        assert_eq!(app.details(&jane).await.status, 200);
        app.advance(Duration::from_secs(PUBLISH_SECONDS + CACHE_SECONDS));
        let (token, jean) = tokio::join!(app.token("john", PASSWORD), app.sign_up("jean"));
        assert_eq!(kid(&token), kid(&jean.token));
        assert_eq!(published(&app).await[1], kid(&token));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_loads_an_unknown_key_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        // The keys are lost, so a signer that starts now creates others.
        let tables = app.tables();
        tables.delete(KEYS, "signing").await;
        tables.delete(KEYS, "jwks").await;
        let token = app.token("john", PASSWORD).await;
        assert_ne!(kid(&token), kid(&user.token));
        assert_eq!(app.details_with(&user, &token).await.status, 200);
        // Tokens of the lost key are rejected after the next read of the keys.
        assert_eq!(app.details_with(&user, &user.token).await.status, 401);
        assert_eq!(app.log_out(&user.token).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_withdrawn_key_is_rejected_within_a_minute() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        app.tables().delete(KEYS, "jwks").await;
        app.advance(Duration::from_secs(CACHE_SECONDS));
        assert_eq!(
            app.details(&user).await.problem(),
            problem(401, "not_authenticated")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keys_are_cached_for_a_minute() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        app.proxy.calls();
        app.advance(Duration::from_secs(CACHE_SECONDS - 1));
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        assert_eq!(key_calls(&app), 0);
        app.advance(Duration::from_secs(1));
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        // The verifier reads the public keys, and the signer both kinds.
        assert_eq!(key_calls(&app), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unpublished_key_is_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let tables = app.tables();
        let mut jwks = tables.item(KEYS, "jwks").await.unwrap();
        let path = format!("/api/users/{}", user.id);
        assert_eq!(app.get(&path, &user.token).await.status, 200);
        // The key is published until exactly this second.
        let until = app.now() + 1_000;
        jwks["keys"][0]["until"] = json!(until);
        tables.put(KEYS, &jwks).await;
        app.advance(Duration::from_secs(999));
        assert_eq!(app.get(&path, &user.token).await.status, 200);
        app.advance(Duration::from_secs(1));
        assert_token_rejected(&app, &user, "not any more", &user.token).await;
        let published = app.get("/.well-known/jwks.json", "").await;
        assert_eq!(published.json(), json!({"keys": []}));
        // An unknown key under the published id is rejected too.
        let stranger = TokenForge::with_unknown_key();
        let token = stranger.sign(&parts.header.to_string(), &parts.claims.to_string());
        assert_token_rejected(&app, &user, "a stranger's", &token).await;
    }
}
