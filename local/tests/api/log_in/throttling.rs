//! `POST /auth/login`: the waits after wrong passwords.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD},
    password_reset::assert_completed,
    paths::SIGN_UP,
    response::problem,
    tables::COUNTERS,
    times::SECOND,
};

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_before_sign_up_do_not_throttle() {
        let app = TestApp::without_source_limits().await;
        for _ in 0..7 {
            app.log_in("john", WRONG_PASSWORD).await;
            app.log_in("john@example.com", WRONG_PASSWORD).await;
        }
        assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 429);
        app.sign_up("john").await;
        app.token("john", PASSWORD).await;
        app.token("john@example.com", PASSWORD).await;
    }
}

mod case_30_throttling {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn throttled_after_five_wrong_passwords() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
        }
        for name in ["john", "john@example.com"] {
            let response = app.log_in(name, PASSWORD).await;
            assert_eq!(response.problem(), problem(429, "too_many_requests"));
            assert_eq!(response.header("retry-after"), Some("2"));
        }
        app.advance(Duration::from_secs(2));
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        // A success resets the count.
        for _ in 0..4 {
            assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_grow_to_fifteen_minutes() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for name in ["john", "nobody", "nobody@example.com"] {
            for _ in 0..4 {
                assert_eq!(app.log_in(name, WRONG_PASSWORD).await.status, 401);
            }
            for wait in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
                assert_eq!(
                    app.log_in(name, WRONG_PASSWORD).await.status,
                    401,
                    "{name}, before {wait} s"
                );
                // Attempts during the wait do not change it.
                for _ in 0..2 {
                    let response = app.log_in(name, WRONG_PASSWORD).await;
                    assert_eq!(response.status, 429);
                    assert_eq!(
                        response.header("retry-after"),
                        Some(wait.to_string().as_str()),
                        "{name}"
                    );
                }
                app.advance(Duration::from_secs(wait));
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_ends_the_wait() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            app.log_in("john", WRONG_PASSWORD).await;
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        let token = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
        assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requesting_a_reset_does_not_end_the_wait() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            assert_eq!(app.log_in("john", "wrong").await.status, 401);
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        let token = app.reset_token("john@example.com").await;
        assert_eq!(
            app.log_in("john", PASSWORD).await.status,
            429,
            "the request changes nothing"
        );
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.token("john", OTHER_PASSWORD).await;
        app.mail();
    }

    /// Many concurrent guesses reveal no more than five in a row: the others are throttled without any effect, including the
    /// correct one.
    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_guesses_are_counted_one_by_one() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let guess = async |number: usize| {
            let change = json!({"current-password": format!("wrong guess {number}"), "first_name": "Mallory"});
            app.update(&user.token, &change).await.status
        };
        let statuses = join_all((0..30).map(guess)).await;
        assert_eq!(
            statuses.iter().filter(|status| **status == 400).count(),
            5,
            "{statuses:?}"
        );
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 25);
        for (name, known) in [("john", true), ("nobody", false)] {
            app.advance(Duration::from_hours(25));
            let token = if known {
                Some(app.token("john", PASSWORD).await)
            } else {
                None
            };
            let statuses =
                join_all((0..30).map(async |_| app.log_in(name, WRONG_PASSWORD).await.status))
                    .await;
            assert_eq!(
                statuses.iter().filter(|status| **status == 401).count(),
                5,
                "{name}: {statuses:?}"
            );
            assert_eq!(
                app.log_in(name, PASSWORD).await.status,
                429,
                "{name}, {token:?}"
            );
        }
    }

    /// The correct password is verified before the wrong ones are counted, but its write comes after them.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_late_correct_guess_is_throttled_too() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..4 {
            app.guess_current_password(&user).await;
        }
        let gate = app.proxy.hold(|call| call.contains(":first_name"));
        let right = json!({"current-password": PASSWORD, "first_name": "Mallory"});
        let wrong = gate.during(app.guess_current_password(&user));
        let (response, _) = tokio::join!(app.update(&user.token, &right), wrong);
        assert_eq!(response.problem(), problem(429, "too_many_requests"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spellings_of_both_names_count_together() {
        let app = TestApp::without_source_limits().await;
        let body = json!({
            "username": "Hans", "email": "Hans@B\u{fc}cher.example", "password": PASSWORD
        });
        assert_eq!(app.post(SIGN_UP, &body).await.status, 201);
        app.fail_log_ins("HANS", 1).await;
        app.fail_log_ins("hans@xn--bcher-kva.example", 1).await;
        app.fail_log_ins(" HANS@B\u{dc}CHER.example\n", 1).await;
        app.fail_log_ins("hans", 2).await;
        for name in [
            "hans",
            "hAnS",
            "hans@b\u{fc}cher.example",
            "HANS@XN--BCHER-KVA.EXAMPLE",
        ] {
            assert_eq!(
                app.log_in(name, PASSWORD).await.throttled_seconds(),
                2,
                "{name}"
            );
        }
        app.advance(SECOND);
        assert_eq!(app.log_in("hans", PASSWORD).await.throttled_seconds(), 1);
        app.advance(SECOND);
        app.token("hans", PASSWORD).await;
        app.fail_log_ins("hans", 4).await;
        app.token("hans", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spellings_of_an_unknown_name_count_together() {
        let app = TestApp::without_source_limits().await;
        for names in [
            ["nobody", "NOBODY", "Nobody", "nobodY", "noBody"],
            [
                "nobody@b\u{fc}cher.example",
                "NOBODY@B\u{dc}CHER.example",
                "nobody@xn--bcher-kva.example",
                " nobody@bu\u{308}cher.example\t",
                "nobody@b\u{fc}cher\u{3002}example",
            ],
        ] {
            for name in names {
                app.fail_log_ins(name, 1).await;
            }
            for name in names {
                assert_eq!(
                    app.log_in(name, WRONG_PASSWORD).await.throttled_seconds(),
                    2,
                    "{name}"
                );
            }
        }
        app.fail_log_ins("nobody2", 1).await;
        app.fail_log_ins("nobody@bucher.example", 1).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failures_are_forgotten_after_a_day() {
        for name in ["john", "nobody", "nobody@example.com"] {
            for (later, forgotten) in [(86_399, false), (86_400, true)] {
                let app = TestApp::without_source_limits().await;
                app.sign_up("john").await;
                app.fail_log_ins(name, 4).await;
                app.advance(Duration::from_secs(later));
                app.fail_log_ins(name, 1).await;
                let response = app.log_in(name, WRONG_PASSWORD).await;
                assert_eq!(
                    response.status,
                    if forgotten { 401 } else { 429 },
                    "{name}, {later}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn expired_and_incomplete_counters_are_ignored() {
        let app = TestApp::without_source_limits().await;
        let tables = app.tables();
        let key = format!(
            "limit#unknown_name#{}",
            shared::domain::digest::sha256_hex(b"nobody")
        );
        let now = app.now();
        for item in [
            json!({}),
            json!({"expires_at": now + 100}),
            json!({"expires_at": 1, "failures": {"n": 9, "u": now - 86_400}}),
            json!({"failures": {"n": 9, "u": now - 86_400}}),
            json!({"expires_at": 1, "failures": {"n": 4_000_000_000u32, "u": 1}}),
        ] {
            let mut item = item.clone();
            item["pk"] = json!(key);
            tables.put(COUNTERS, &item).await;
            app.fail_log_ins("nobody", 5).await;
            assert_eq!(
                app.log_in("nobody", WRONG_PASSWORD)
                    .await
                    .throttled_seconds(),
                2,
                "{item}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stranger_cannot_lock_out_a_user() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..60 {
            // As early as possible.
            while app.log_in("john", WRONG_PASSWORD).await.status == 401 {}
            app.advance(SECOND);
            let left = match app.log_in("john", WRONG_PASSWORD).await {
                response if response.status == 429 => response.throttled_seconds(),
                _ => 0,
            };
            assert!(left <= 900);
            app.advance(Duration::from_secs(left));
        }
        // Sessions stay valid, and a reset ends the wait at any time.
        assert_eq!(app.details(&user).await.status, 200);
        while app.log_in("john", WRONG_PASSWORD).await.status == 401 {}
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.token("john", OTHER_PASSWORD).await;
        app.fail_log_ins("john", 4).await;
        app.mail();
    }
}
