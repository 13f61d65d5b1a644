//! `POST /auth/login`: the limit on failures from one source address.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD},
    paths::LOG_IN,
    proxy::{Call, error},
    response::{problem, statuses},
    tables::{COUNTERS, USERS},
    times::SECOND,
};

mod case_22_rate_limits {
    use super::*;

    /// The client address of a CDN counts only together with the shared secret.
    #[tokio::test(flavor = "multi_thread")]
    async fn clients_behind_a_cdn_are_counted_separately() {
        let hash = shared::domain::digest::sha256_hex(b"the edge's secret");
        let app = TestApp::with_settings(&[
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "1"),
            ("EDGE_SECRET_HASH", &hash),
        ])
        .await;
        let fail = async |secret: &str, address: &str, name: &str| {
            let request = app.request(reqwest::Method::POST, LOG_IN);
            let request = request
                .header("x-edge-secret", secret)
                .header("cloudfront-viewer-address", address);
            app.send(request.json(&json!({"username": name, "password": WRONG_PASSWORD})))
                .await
                .status
        };
        assert_eq!(
            fail("the edge's secret", "192.0.2.1:1000", "nobody1").await,
            401
        );
        assert_eq!(
            fail("the edge's secret", "192.0.2.1:2000", "nobody2").await,
            429
        );
        assert_eq!(
            fail("the edge's secret", "192.0.2.2:1000", "nobody3").await,
            401
        );
        assert_eq!(fail("a guess", "192.0.2.3:1000", "nobody4").await, 401);
        assert_eq!(
            fail("a guess", "192.0.2.4:1000", "nobody5").await,
            429,
            "all of these come from one address"
        );
    }
}

mod case_30_throttling {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn failures_are_limited_per_source_and_hour() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "10")]).await;
        app.sign_up("john").await;
        for number in 0..10 {
            assert_eq!(
                app.log_in(&format!("nobody{number}"), WRONG_PASSWORD)
                    .await
                    .status,
                401
            );
        }
        let response = app.log_in("john", PASSWORD).await;
        assert_eq!(response.problem(), problem(429, "too_many_requests"));
        assert_eq!(response.header("retry-after"), Some("3600"));
        app.advance(Duration::from_hours(1));
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }

    /// A guess that was verified is recorded in its user's record.
    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_guesses_do_not_exceed_the_limit_of_their_source() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "5")]).await;
        let names: Vec<_> = (0..20).map(|number| format!("user{number}")).collect();
        for name in &names {
            app.sign_up(name).await;
        }
        let guesses = names.iter().map(|name| app.log_in(name, WRONG_PASSWORD));
        let received = statuses(&join_all(guesses).await);
        let wrong = received.iter().filter(|status| **status == 401).count();
        let refused = received.iter().filter(|status| **status == 429).count();
        assert_eq!((wrong, refused), (5, 15), "{received:?}");
        let items = app.tables().all(USERS).await;
        let verified = items.iter().filter(|item| !item["failures"].is_null());
        assert_eq!(verified.count(), 5);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn right_passwords_do_not_count_per_source() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")]).await;
        app.sign_up("john").await;
        for _ in 0..3 {
            app.token("john", PASSWORD).await;
        }
        let counted = app.tables().item(COUNTERS, "limit#log_in#127.0.0.1").await;
        assert_eq!(counted.unwrap()["count"], json!(0));
    }

    /// The counters are those of strangers: a flood that saturates their table keeps no user out.
    #[tokio::test(flavor = "multi_thread")]
    async fn requests_pass_while_the_counters_are_unavailable() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let is_counter = |call: &Call| call.keys().iter().any(|(table, _)| table == COUNTERS);
        let throttled = error(400, "ProvisionedThroughputExceededException");
        app.proxy.rule_where(is_counter, throttled);
        app.sign_up("jane").await;
        app.token("john", PASSWORD).await;
        let known = app.log_in("john", WRONG_PASSWORD).await;
        assert_eq!(known.status, 401);
        let unknown = app.log_in("unknown", WRONG_PASSWORD).await;
        assert_eq!((unknown.status, &unknown.text), (known.status, &known.text));
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    /// Throttled attempts do not count against the limit of their source.
    #[tokio::test(flavor = "multi_thread")]
    async fn throttled_attempts_do_not_count_per_source() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "7")]).await;
        app.sign_up("john").await;
        app.fail_log_ins("john", 5).await;
        for _ in 0..10 {
            assert_eq!(
                app.log_in("john", WRONG_PASSWORD).await.throttled_seconds(),
                2
            );
        }
        app.advance(Duration::from_mins(10));
        app.fail_log_ins("jane", 2).await;
        for name in ["john", "jane", "other@example.com"] {
            assert_eq!(
                app.log_in(name, PASSWORD).await.throttled_seconds(),
                3000,
                "{name}"
            );
        }
        app.advance(Duration::from_secs(2999));
        assert_eq!(app.log_in("john", PASSWORD).await.throttled_seconds(), 1);
        app.advance(SECOND);
        app.token("john", PASSWORD).await;
    }
}
