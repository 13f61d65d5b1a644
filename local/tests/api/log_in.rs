//! `POST /auth/login` and `/auth/logout`: families 30–32, sessions, and the limits on wrong passwords.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use shared::domain::password::Params;

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, fault, problem},
    tables::Tables,
};

const WRONG: &str = "wrong horse battery staple";

#[tokio::test(flavor = "multi_thread")]
async fn either_name_signs_in_whatever_its_case() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    for name in [
        "john",
        "JOHN",
        "john@example.com",
        "John@Example.COM",
        " john@example.com\t",
    ] {
        let answer = app.log_in(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.json()["user"], app.details(&user).await.json());
    }
}

mod case_31_unknown_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_name_and_a_wrong_password_are_told_apart_by_nothing() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        // The first failure of a source in an hour takes one call less than those after it.
        app.log_in("somebody", WRONG).await;
        app.proxy.calls();
        let wrong = app.log_in("john", WRONG).await;
        let calls_for_wrong: Vec<_> = app
            .proxy
            .calls()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        let runs = app.hasher.count();
        let unknown = app.log_in("nobody", WRONG).await;
        let calls_for_unknown: Vec<_> = app
            .proxy
            .calls()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        assert_eq!(wrong.problem(), problem(401, "invalid_credentials"));
        assert_eq!((wrong.status, wrong.text), (unknown.status, unknown.text));
        assert_eq!(app.hasher.count(), runs + 1, "a dummy hash is made");
        assert_eq!(
            calls_for_wrong.len(),
            calls_for_unknown.len(),
            "{calls_for_wrong:?} {calls_for_unknown:?}"
        );
        for name in ["john@example.com", "nobody@example.com"] {
            assert_eq!(
                app.log_in(name, "").await.problem(),
                problem(401, "invalid_credentials")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_malformed_fields_are_told() {
    let app = TestApp::start().await;
    let log_in = async |body| app.post("/auth/login", &body).await.faults();
    assert_eq!(
        log_in(json!({})).await,
        [fault("username", "required"), fault("password", "required")]
    );
    let both = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    assert_eq!(log_in(both).await, [fault("username", "invalid")]);
    assert_eq!(
        log_in(json!({"email": "john", "password": PASSWORD})).await,
        [fault("email", "invalid")]
    );
    assert_eq!(
        log_in(json!({"username": null, "password": 1})).await,
        [fault("username", "invalid"), fault("password", "invalid")]
    );
    let long = "x".repeat(513);
    assert_eq!(
        log_in(json!({"username": "john", "password": long})).await,
        [fault("password", "too_long")]
    );
    let extra = json!({"username": "john", "password": PASSWORD, "remember": true});
    assert_eq!(log_in(extra).await, [fault("remember", "unknown_field")]);
}

mod case_30_waits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn after_five_wrong_passwords_even_the_right_one_has_to_wait_under_either_name() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            assert_eq!(app.log_in("john", WRONG).await.status, 401);
        }
        for name in ["john", "john@example.com"] {
            let answer = app.log_in(name, PASSWORD).await;
            assert_eq!(answer.problem(), problem(429, "too_many_requests"));
            assert_eq!(answer.header("retry-after"), Some("2"));
        }
        app.advance(Duration::from_secs(2));
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        // A success forgets the wrong ones.
        for _ in 0..4 {
            assert_eq!(app.log_in("john", WRONG).await.status, 401);
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_grow_to_a_quarter_of_an_hour_for_known_and_unknown_names_alike() {
        let app = TestApp::with(&[("SOURCE_LIMITS", "off")]).await;
        app.sign_up("john").await;
        for name in ["john", "nobody", "nobody@example.com"] {
            for _ in 0..4 {
                assert_eq!(app.log_in(name, WRONG).await.status, 401);
            }
            for wait in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
                assert_eq!(
                    app.log_in(name, WRONG).await.status,
                    401,
                    "{name}, before {wait} s"
                );
                // Tries during the wait neither lengthen nor shorten it.
                for _ in 0..2 {
                    let answer = app.log_in(name, WRONG).await;
                    assert_eq!(answer.status, 429);
                    assert_eq!(
                        answer.header("retry-after"),
                        Some(wait.to_string().as_str()),
                        "{name}"
                    );
                }
                app.advance(Duration::from_secs(wait));
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_works_during_a_wait_and_ends_it() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for _ in 0..5 {
            app.log_in("john", WRONG).await;
        }
        assert_eq!(app.log_in("john", PASSWORD).await.status, 429);
        let token = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
        assert_eq!(app.log_in("john", OTHER_PASSWORD).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_source_may_fail_a_hundred_times_an_hour_over_all_names() {
        let app = TestApp::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "10")]).await;
        app.sign_up("john").await;
        for number in 0..10 {
            assert_eq!(
                app.log_in(&format!("nobody{number}"), WRONG).await.status,
                401
            );
        }
        let answer = app.log_in("john", PASSWORD).await;
        assert_eq!(answer.problem(), problem(429, "too_many_requests"));
        assert_eq!(answer.header("retry-after"), Some("3600"));
        app.advance(Duration::from_hours(1));
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
    }

    /// Whoever sends many guesses at once learns no more than whoever sends five: the rest, the right one among them, are
    /// told to wait, and nothing is done for them.
    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_sent_at_once_are_counted_as_if_one_came_after_the_other() {
        let app = TestApp::with(&[("SOURCE_LIMITS", "off")]).await;
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
                join_all((0..30).map(async |_| app.log_in(name, WRONG).await.status)).await;
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

    /// The right password is looked at before the wrong ones are counted, and its write comes after.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_right_guess_that_comes_too_late_among_wrong_ones_has_to_wait_too() {
        let app = TestApp::with(&[("SOURCE_LIMITS", "off")]).await;
        let user = app.sign_up("john").await;
        for _ in 0..4 {
            app.log_in("john", WRONG).await;
        }
        let gate = app.proxy.hold(|call| call.says(":first_name"));
        let right = json!({"current-password": PASSWORD, "first_name": "Mallory"});
        let wrong = gate.during(app.log_in("john", WRONG));
        let (answer, _) = tokio::join!(app.update(&user.token, &right), wrong);
        assert_eq!(answer.problem(), problem(429, "too_many_requests"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }
}

mod case_22_floods {
    use super::*;

    /// Behind an edge that proves itself, clients are counted by the address that it tells; a made-up one counts for nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn behind_an_edge_each_client_is_counted_by_itself() {
        let hash = shared::domain::digest::sha256_hex(b"the edge's secret");
        let app = TestApp::with(&[
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "1"),
            ("EDGE_SECRET_HASH", &hash),
        ])
        .await;
        let fail = async |secret: &str, address: &str, name: &str| {
            let request = app.request(reqwest::Method::POST, "/auth/login");
            let request = request
                .header("x-edge-secret", secret)
                .header("cloudfront-viewer-address", address);
            app.send(request.json(&json!({"username": name, "password": WRONG})))
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

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn signing_out_ends_that_session_at_once_and_no_other() {
        let app = TestApp::start().await;
        let first = app.sign_up("john").await;
        let second = app.token("john", PASSWORD).await;
        let answer = app.log_out(&second).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(
            app.get(&format!("/api/users/{}", first.id), &second)
                .await
                .status,
            401
        );
        assert_eq!(
            app.log_out(&second).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(app.details(&first).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_eleventh_session_ends_the_oldest() {
        let app = TestApp::start().await;
        let first = app.sign_up("john").await;
        let mut tokens = vec![];
        for _ in 0..10 {
            // All within one second, too: the order is the log-ins', not the clock's.
            tokens.push(app.token("john", PASSWORD).await);
        }
        assert_eq!(app.details(&first).await.status, 401);
        for token in &tokens {
            assert_eq!(
                app.get(&format!("/api/users/{}", first.id), token)
                    .await
                    .status,
                200
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_lives_fourteen_days_and_expired_ones_make_room() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.advance(Duration::from_secs(14 * 86_400 - 1));
        assert_eq!(app.details(&user).await.status, 200);
        let later = app.token("john", PASSWORD).await;
        app.advance(Duration::from_secs(1));
        assert_eq!(app.details(&user).await.status, 401);
        app.token("john", PASSWORD).await;
        let sessions = Tables::of(&app).user(user.id).await["sessions"]
            .as_object()
            .unwrap()
            .len();
        assert_eq!(sessions, 2, "the expired one is gone");
        assert_eq!(
            app.get(&format!("/api/users/{}", user.id), &later)
                .await
                .status,
            200
        );
    }
}

mod case_32_stored_hashes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_weaker_hash_signs_in_and_is_replaced() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        let weak = tables.user(user.id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned();
        let strong = TestApp::with_params(
            &[],
            Params {
                m_cost: 128,
                t_cost: 2,
                p_cost: 1,
            },
        )
        .await;
        let same = strong.sign_up("john").await;
        let stronger = Tables::of(&strong);
        stronger.set(same.id, "password_hash", &weak).await;
        strong.token("john", PASSWORD).await;
        let upgraded = stronger.user(same.id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            upgraded.starts_with("$argon2id$v=19$m=128,t=2,p=1$"),
            "{upgraded}"
        );
        strong.token("john", PASSWORD).await;
        assert_eq!(strong.log_in("john", WRONG).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_absurd_or_broken_hash_is_refused_without_a_panic_and_without_the_memory() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        for hash in [
            "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=19456,t=4000000,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=19456,t=2,p=1$$",
            "not a hash",
        ] {
            tables.set(user.id, "password_hash", hash).await;
            let runs = app.hasher.count();
            assert_eq!(
                app.log_in("john", PASSWORD).await.problem(),
                problem(401, "invalid_credentials"),
                "{hash}"
            );
            assert_eq!(
                app.hasher.count(),
                runs + 1,
                "it takes as long as any wrong password"
            );
            let change = json!({"current-password": PASSWORD, "first_name": "J"});
            let answer = app.update(&user.token, &change).await;
            assert_eq!(answer.fault(), fault("current-password", "incorrect"));
            tables
                .strip("UsersTable", &format!("user#{}", user.id), "failures")
                .await;
        }
    }
}
