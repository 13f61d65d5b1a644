//! Concurrent wrong passwords, and concurrent requests from one source.

use std::time::Duration;

use futures_util::future::join_all;
use local::faults::Gate;
use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, ROUNDS, THIRD_PASSWORD, TestApp, WRONG_PASSWORD},
    paths::{LOG_IN, RESET_PASSWORD, RESET_PASSWORD_COMPLETE, SIGN_UP},
    response::{problem, statuses},
    tables::COUNTERS,
};

/// Checks that ten of thirty concurrent requests pass, in three windows.
async fn check_limit(app: &TestApp, path: &str, body: impl Fn(usize) -> Value) {
    for window in 0..3 {
        let bodies: Vec<_> = (0..30).map(|number| body(100 * window + number)).collect();
        let responses = join_all(bodies.iter().map(|body| app.post(path, body))).await;
        let refused = responses.iter().filter(|response| response.status == 429);
        assert_eq!(refused.count(), 20, "{path}: {:?}", statuses(&responses));
        for response in responses {
            assert!(response.status < 500, "{response:?}");
            if response.status == 429 {
                assert_eq!(response.problem(), problem(429, "too_many_requests"));
                assert_eq!(response.header("retry-after"), Some("3600"));
            }
        }
        app.advance(Duration::from_hours(1));
    }
}

mod case_22_rate_limits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn exactly_the_limit_passes_of_thirty_requests() {
        let app = TestApp::with_settings(&[
            ("LIMIT_RESETS_PER_HOUR", "10"),
            ("LIMIT_COMPLETIONS_PER_HOUR", "10"),
            ("LIMIT_SIGN_UPS_PER_HOUR", "10"),
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "10"),
        ])
        .await;
        let request = |number| json!({"email": format!("nobody{number}@example.com")});
        check_limit(&app, RESET_PASSWORD, request).await;
        let complete = |_| json!({"new_password": PASSWORD, "password_confirmation": PASSWORD, "reset_token": "x"});
        check_limit(&app, RESET_PASSWORD_COMPLETE, complete).await;
        let sign_up = |number| {
            json!({
                "username": format!("user{number}"), "email": format!("user{number}@example.com"),
                "password": PASSWORD
            })
        };
        check_limit(&app, SIGN_UP, sign_up).await;
        app.tables().check_users().await;
        let log_in =
            |number| json!({"username": format!("nobody{number}"), "password": WRONG_PASSWORD});
        check_limit(&app, LOG_IN, log_in).await;
    }
}

mod case_30_throttling {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn at_most_five_concurrent_guesses_are_checked() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for _ in 0..ROUNDS {
            app.advance(Duration::from_hours(25));
            let tries = (0..12).map(|number| {
                let password = if number == 6 {
                    PASSWORD
                } else {
                    WRONG_PASSWORD
                };
                app.log_in(["john", "john@example.com"][number % 2], password)
            });
            let responses = join_all(tries).await;
            let received = statuses(&responses);
            let wrong = received.iter().filter(|status| **status == 401).count();
            let right = received.iter().filter(|status| **status == 200).count();
            // A success resets the count, so that five more are possible.
            assert!(wrong <= 5 + 5 * right, "{received:?}");
            assert!(
                received
                    .iter()
                    .all(|status| [200, 401, 429].contains(status)),
                "{received:?}"
            );
        }
    }

    /// A guess that has read an expired count of five, and is counted late, does not end the wait for five new failures.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_outdated_count_does_not_end_a_wait() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for name in ["john", "nobody"] {
            app.proxy.heal();
            for _ in 0..5 {
                assert_eq!(app.log_in(name, WRONG_PASSWORD).await.status, 401);
            }
            app.advance(Duration::from_hours(25));
            let gate = app.proxy.hold(|call| call.contains(":seen_count"));
            let later = gate.during(async {
                for _ in 0..5 {
                    assert_eq!(app.log_in(name, WRONG_PASSWORD).await.status, 401, "{name}");
                }
            });
            let (late, ()) = tokio::join!(app.log_in(name, WRONG_PASSWORD), later);
            assert_eq!(late.status, 429, "{name}");
            assert_eq!(app.log_in(name, WRONG_PASSWORD).await.status, 429, "{name}");
        }
    }

    /// DynamoDB deletes expired items at any time, for example now.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrently_deleted_counter_is_no_obstacle() {
        let app = TestApp::without_source_limits().await;
        app.log_in("nobody", WRONG_PASSWORD).await;
        app.advance(Duration::from_hours(25));
        let gate = app.proxy.hold(|call| call.contains(":seen_count"));
        let sweep = gate.during(async {
            let name = shared::domain::digest::sha256_hex(b"nobody");
            let key = format!("limit#unknown_name#{name}");
            app.tables().delete(COUNTERS, &key).await;
        });
        let (first, ()) = tokio::join!(app.log_in("nobody", WRONG_PASSWORD), sweep);
        assert_eq!(first.status, 401);
        for _ in 0..4 {
            assert_eq!(app.log_in("nobody", WRONG_PASSWORD).await.status, 401);
        }
        assert_eq!(app.log_in("nobody", WRONG_PASSWORD).await.status, 429);
    }

    /// The write of a reset is held until a log-in has counted another failure.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrent_failure_does_not_fail_a_reset() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for _ in 0..4 {
            app.log_in("john", WRONG_PASSWORD).await;
        }
        let link = app.reset_token("john@example.com").await;
        let gate = app
            .proxy
            .hold(|call| call.operation == "TransactWriteItems");
        let later = gate.during(app.log_in("john", WRONG_PASSWORD));
        let (completed, wrong) = tokio::join!(app.complete(&link, THIRD_PASSWORD), later);
        assert_eq!((completed.status, wrong.status), (201, 401));
        app.token("john", THIRD_PASSWORD).await;
        app.mail();
    }

    /// Returns the number of updates that use this placeholder.
    fn writes(app: &TestApp, placeholder: &str) -> usize {
        let calls = app.proxy.calls();
        let of_kind = calls
            .iter()
            .filter(|call| call.operation == "UpdateItem" && call.contains(placeholder));
        of_kind.count()
    }

    /// On Lambda each request has a CPU of its own, so that verification puts concurrent passwords in no order. The gate
    /// holds the write that follows the right one until a wrong one is recorded.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_right_password_waits_for_its_turn() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let gate = app.proxy.hold(|call| call.contains(":session"));
        let before = writes(&app, ":session");
        let guess = gate.during(app.log_in("john", WRONG_PASSWORD));
        let (right, wrong) = tokio::join!(app.log_in("john", PASSWORD), guess);
        assert_eq!((right.status, wrong.status), (200, 401));
        assert_eq!(
            writes(&app, ":session") - before,
            2,
            "refused, then written"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_right_password_after_five_wrong_ones_is_not_told() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for wrong_before in 0..5 {
            app.advance(Duration::from_hours(25));
            app.fail_log_ins("john", wrong_before).await;
            let gate = app.proxy.hold(|call| call.contains(":session"));
            let guesses = gate.during(app.fail_log_ins("john", 5 - wrong_before));
            let (right, ()) = tokio::join!(app.log_in("john", PASSWORD), guesses);
            assert_eq!(right.problem(), problem(429, "too_many_requests"));
            app.proxy.heal();
        }
    }

    /// A change that changes nothing is an oracle as good as any other.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_confirmed_password_after_five_wrong_ones_is_not_told() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for fields in [json!({"first_name": ""}), json!({"first_name": "John"})] {
            app.advance(Duration::from_hours(25));
            let gate = app
                .proxy
                .hold(|call| call.operation == "UpdateItem" && call.contains("REMOVE #counter"));
            let guesses = gate.during(async {
                for _ in 0..5 {
                    let guess = app.guess_current_password(&user).await;
                    assert_eq!(guess.status, 400);
                }
            });
            let (right, ()) = tokio::join!(app.change(&user.token, fields), guesses);
            assert_eq!(right.problem(), problem(429, "too_many_requests"));
            app.proxy.heal();
        }
    }

    /// A guess that was compared with an earlier password says nothing about the new one, and does not count against it.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_is_not_counted_after_a_reset() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let reset = app.reset_token(&user.email).await;
        let gates = app
            .proxy
            .hold_each::<2>(|call| call.contains("SET #counter"));
        let later = async {
            for gate in &gates {
                gate.reached().await;
            }
            let completed = app.complete(&reset, THIRD_PASSWORD).await;
            gates.iter().for_each(Gate::open);
            completed
        };
        let (guess, log_in, completed) = tokio::join!(
            app.guess_current_password(&user),
            app.log_in("john", THIRD_PASSWORD),
            later,
        );
        assert_eq!(completed.status, 201, "{completed:?}");
        assert_eq!(guess.problem(), problem(401, "not_authenticated"));
        assert_eq!(log_in.status, 200, "{log_in:?}");
        let record = app.tables().user(user.id).await;
        assert_eq!(record.get("current_password_failures"), None);
        assert_eq!(record.get("failures"), None);
        app.unread_mails();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_guess_is_not_told_after_the_deletion() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| call.contains("SET #counter"));
        let later = gate.during(async { app.tables().delete_user(&user).await });
        let (guess, ()) = tokio::join!(app.guess_current_password(&user), later);
        assert_eq!(guess.problem(), problem(401, "not_authenticated"));
    }
}
