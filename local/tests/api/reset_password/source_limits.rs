//! The hourly limits of one source address.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    password_reset::request_from,
    paths::{RESET_PASSWORD, SIGN_UP},
    response::problem,
    tables::COUNTERS,
};

mod case_22_rate_limits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_has_thirty_requests_per_hour() {
        let app = TestApp::start().await;
        let request = |number: u32| {
            let request = app.request(Method::POST, RESET_PASSWORD);
            let request = request.header("x-forwarded-for", format!("203.0.113.{number}"));
            let request = request.header("forwarded", format!("for=203.0.113.{number}"));
            let request = request.header("x-real-ip", format!("203.0.113.{number}"));
            app.send(request.json(&json!({"email": format!("user{number}@example.com")})))
        };
        for number in 0..30 {
            assert_eq!(request(number).await.status, 404);
        }
        app.advance(Duration::from_mins(10));
        for number in 30..100 {
            assert_eq!(
                request(number).await.throttled_seconds(),
                (Duration::from_mins(50)).as_secs()
            );
        }
        // Other sources are not affected, and the limit ends after an hour.
        assert_eq!(
            request_from(&app, "192.0.2.9", "nobody@example.com")
                .await
                .0,
            404
        );
        app.advance(Duration::from_mins(50));
        assert_eq!(request(1).await.status, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_ipv6_network_is_one_source() {
        let app = TestApp::start().await;
        for number in 0..30 {
            let source = format!("2001:db8:1:2::{number:x}");
            assert_eq!(
                request_from(&app, &source, "nobody@example.com").await.0,
                404
            );
        }
        assert_eq!(
            request_from(&app, "2001:db8:1:2:ffff::1", "nobody@example.com")
                .await
                .0,
            429
        );
        assert_eq!(
            request_from(&app, "2001:db8:1:3::1", "nobody@example.com")
                .await
                .0,
            404
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sources_are_addresses_or_ipv6_networks() {
        let app = TestApp::with_settings(&[("LIMIT_RESETS_PER_HOUR", "1")]).await;
        let request = async |source: Value| {
            app.invoke("reset_password", |event| {
                let http = &mut event["requestContext"]["http"];
                http["sourceIp"] = source;
                event["body"] = json!(json!({"email": "nobody@example.com"}).to_string());
            })
            .await
            .0
        };
        for group in [
            &["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"][..],
            &["192.0.2.2", "::FFFF:192.0.2.2"],
            &[
                "2001:db8:1:2::1",
                "2001:DB8:1:2:ffff:ffff:ffff:ffff",
                "2001:0db8:0001:0002::",
            ],
            &["2001:db8:1:3::1", "2001:db8:1:3::192.0.2.1"],
            &["::1", "::2"],
            &[
                "",
                "nonsense",
                "192.0.2.256",
                "192.0.2.1, 192.0.2.9",
                "192.0.2",
                "fe80::1%eth0",
                "0x7f.1",
                "limit#x",
            ],
        ] {
            for (number, source) in group.iter().enumerate() {
                let expected = if number == 0 { 404 } else { 429 };
                assert_eq!(request(json!(source)).await, expected, "{source}");
            }
        }
        assert_eq!(
            request(Value::Null).await,
            429,
            "a missing address counts like a malformed one"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn expired_and_incomplete_counters_are_ignored() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let tables = app.tables();
        for item in [
            json!({}),
            json!({"count": 1_000}),
            json!({"count": 1_000, "window_ends": app.now() - 1}),
            json!({"count": 1_000, "window_ends": app.now(), "expires_at": 1}),
            json!({"window_ends": app.now() + 100}),
            json!({"expires_at": app.now() + 100}),
        ] {
            for what in [
                "reset_password",
                "reset_password_complete",
                "sign_up",
                "log_in",
            ] {
                let mut item = item.clone();
                item["pk"] = json!(format!("limit#{what}#127.0.0.1"));
                tables.put(COUNTERS, &item).await;
            }
            assert_eq!(
                app.request_reset("nobody@example.com").await.status,
                404,
                "{item}"
            );
            assert!(
                app.complete("x", OTHER_PASSWORD).await.problem() == problem(400, "invalid_token"),
                "{item}"
            );
            let taken = json!({"username": "john", "email": "a@example.com", "password": PASSWORD});
            assert_eq!(app.post(SIGN_UP, &taken).await.status, 400, "{item}");
            app.token("john", PASSWORD).await;
            assert_eq!(
                app.log_in("john", OTHER_PASSWORD).await.status,
                401,
                "{item}"
            );
        }
    }
}
