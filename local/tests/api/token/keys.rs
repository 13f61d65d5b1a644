//! The keys that sign access tokens: created by the first request, rotated, lost and unreadable.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    access_tokens::{Service, access_token, algorithm, request_access_token},
    app::TestApp,
    proxy::error,
    signing_keys::{CACHE_SECONDS, is_about_keys, jwks, key_writes, kid},
    tables::KEYS,
    times::DAY_SECONDS,
};

/// The ids of the published keys of access tokens, which come before those of session tokens.
async fn access_kids(app: &TestApp) -> Vec<String> {
    let keys = jwks(app).await.json()["keys"].take();
    let keys = keys.as_array().unwrap().iter();
    let keys = keys.filter(|key| key["alg"] == "RS256");
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

mod case_63_access_keys {
    use super::*;

    /// A table of version 0.1.0 has keys of session tokens only.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_request_creates_an_rsa_key() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let items = |items: Vec<Value>| {
            let mut names: Vec<_> = items.iter().map(|item| item["pk"].to_string()).collect();
            names.sort();
            names
        };
        let before = app.tables().all(KEYS).await;
        assert_eq!(items(before.clone()), [r#""jwks""#, r#""signing""#]);
        let token = access_token(&app, &user.token).await;
        assert_eq!(access_kids(&app).await, [kid(&token)]);
        let after = app.tables().all(KEYS).await;
        assert_eq!(after.len(), 4);
        for item in before {
            assert!(
                after.contains(&item),
                "keys of session tokens are unchanged"
            );
        }
        let service = Service::start(&app, "api").await;
        assert!(service.verify(&token, app.now()).is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_first_signers_create_one_key() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.proxy.calls();
        let is_read = |call: &crate::support::proxy::Call| {
            let of_private = |(_, key): &(String, String)| key == "access_signing";
            !call.is_write() && call.keys().iter().any(of_private)
        };
        let gates = app.proxy.hold_each::<2>(is_read);
        let both = async {
            for gate in &gates {
                gate.reached().await;
            }
            gates.iter().for_each(local::faults::Gate::open);
        };
        let (first, second, ()) = tokio::join!(
            access_token(&app, &user.token),
            access_token(&app, &user.token),
            both
        );
        assert!(key_writes(&app) >= 2, "both must have found no key");
        assert_eq!(kid(&first), kid(&second));
        assert_eq!(access_kids(&app).await, [kid(&first)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_accepts_every_token_through_two_rotations() {
        let app = TestApp::with_settings(&[("SessionDays", "90")]).await;
        let user = app.sign_up("john").await;
        let mut last = access_token(&app, &user.token).await;
        for _ in 0..2 {
            app.advance(Duration::from_secs(30 * DAY_SECONDS));
            // Publishes the next key, which does not sign yet.
            let token = access_token(&app, &user.token).await;
            assert_eq!(kid(&token), kid(&last));
            app.advance(Duration::from_secs(CACHE_SECONDS));
            // A service may keep keys for two hours.
            let service = Service::start(&app, "api").await;
            for _ in 0..2 {
                app.advance(Duration::from_hours(1));
                let token = access_token(&app, &user.token).await;
                assert_eq!(kid(&token), kid(&last));
                assert!(service.verify(&token, app.now()).is_some());
            }
            let service = Service::start(&app, "api").await;
            app.advance(Duration::from_hours(1));
            let token = access_token(&app, &user.token).await;
            assert_ne!(kid(&token), kid(&last));
            assert!(service.verify(&token, app.now()).is_some());
            assert_eq!(access_kids(&app).await, [kid(&last), kid(&token)]);
            // Tokens of the former key have expired, also those of a process that still had it in its cache.
            app.advance(Duration::from_secs(CACHE_SECONDS + 300 + 5));
            assert_eq!(access_kids(&app).await, [kid(&token)]);
            last = token;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_rotation_of_one_kind_leaves_the_other() {
        let app = TestApp::with_settings(&[("SessionDays", "90")]).await;
        let user = app.sign_up("john").await;
        access_token(&app, &user.token).await;
        let sessions = app.tables().item(KEYS, "signing").await;
        app.advance(Duration::from_secs(30 * DAY_SECONDS));
        access_token(&app, &user.token).await;
        assert_eq!(access_kids(&app).await.len(), 2);
        assert_eq!(app.tables().item(KEYS, "signing").await, sessions);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_item_is_made_again() {
        for lost in ["access_signing", "access_jwks"] {
            let app = TestApp::start().await;
            let user = app.sign_up("john").await;
            let before = access_token(&app, &user.token).await;
            app.tables().delete(KEYS, lost).await;
            app.advance(Duration::from_secs(CACHE_SECONDS));
            let after = access_token(&app, &user.token).await;
            // Without the private key another one signs; tokens of the lost one stay valid.
            assert_eq!(kid(&after) == kid(&before), lost == "access_jwks");
            let service = Service::start(&app, "api").await;
            for token in [&before, &after] {
                assert!(service.verify(token, app.now()).is_some(), "{lost}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unreadable_keys_stop_access_tokens_only() {
        for (item, value) in [
            ("access_signing", json!("none")),
            ("access_jwks", json!("none")),
            (
                "access_signing",
                json!([{"kid": "a", "alg": "RS256", "pkcs8": "AAAA", "signs_from": 1}]),
            ),
        ] {
            let app = TestApp::start().await;
            let user = app.sign_up("john").await;
            access_token(&app, &user.token).await;
            let tables = app.tables();
            let original = tables.item(KEYS, item).await.unwrap();
            let mut changed = original.clone();
            changed["keys"] = value;
            tables.put(KEYS, &changed).await;
            app.advance(Duration::from_secs(CACHE_SECONDS));
            let response = request_access_token(&app, &user.token, &Value::Null).await;
            response.assert_unavailable();
            assert_eq!(app.details(&user).await.status, 200);
            app.sign_up("jane").await;
            assert_eq!(tables.item(KEYS, item).await, Some(changed));
            tables.put(KEYS, &original).await;
            access_token(&app, &user.token).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cached_key_survives_no_outage_of_the_table() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        access_token(&app, &user.token).await;
        app.proxy
            .rule_where(is_about_keys, error(500, "InternalServerError"));
        // Within the minute of the cache nothing is read.
        access_token(&app, &user.token).await;
        app.advance(Duration::from_secs(CACHE_SECONDS));
        let response = request_access_token(&app, &user.token, &Value::Null).await;
        response.assert_unavailable();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn es256_is_a_setting() {
        let app = TestApp::with_settings(&[("AccessTokenAlgorithm", "ES256")]).await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        assert_eq!(algorithm(&token), "ES256");
        assert_ne!(kid(&token), kid(&user.token));
        let service = Service::start(&app, "api").await;
        assert!(service.verify(&token, app.now()).is_some());
    }
}
