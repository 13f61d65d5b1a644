//! Concurrent log-ins, and log-ins beside changes.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, ROUNDS, TestApp, WRONG_PASSWORD},
    proxy::error,
    response::{problem, statuses},
};

mod case_18_concurrent_changes {
    use super::*;

    /// A log-in whose write is held until the password has been changed.
    async fn overtake(app: &TestApp) {
        let user = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| call.contains(":session"));
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        let later = gate.during(app.update(&user.token, &change));
        let (signed_in, changed) = tokio::join!(app.log_in("john", PASSWORD), later);
        assert_eq!((signed_in.status, changed.status), (401, 200));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_old_password_leaves_no_session() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let (mut old, mut new) = (PASSWORD, OTHER_PASSWORD);
        for _ in 0..ROUNDS {
            app.advance(Duration::from_secs(1));
            let change = json!({"current-password": old, "password": new});
            let (changed, signed_in) =
                tokio::join!(app.update(&user.token, &change), app.log_in("john", old));
            assert_eq!(changed.status, 200, "{changed:?}");
            if signed_in.status == 200 {
                let token = signed_in.token();
                let read = app.details_with(&user, &token).await;
                assert_eq!(read.status, 401, "a session with the old password is valid");
            }
            let sessions = app.tables().user(user.id).await["sessions"]
                .as_object()
                .unwrap()
                .len();
            assert_eq!(sessions, 1);
            (old, new) = (new, old);
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_overtaken_by_a_new_password_fails() {
        let app = TestApp::without_source_limits().await;
        overtake(&app).await;
        app.mail();
    }

    /// Its write is held until one of ten sessions has ended, so that there is room.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_beside_a_log_out_ends_no_session() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut last = String::new();
        for _ in 0..9 {
            last = app.token("john", PASSWORD).await;
        }
        let gate = app.proxy.hold(|call| call.contains(":session"));
        let later = gate.during(app.log_out(&last));
        let (signed_in, ended) = tokio::join!(app.log_in("john", PASSWORD), later);
        assert_eq!((signed_in.status, ended.status), (200, 204));
        assert_eq!(app.details(&user).await.status, 200);
    }

    /// Its marker leads to the account when it is read, and the account has another address when its record is read.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_by_an_address_given_up_meanwhile_fails() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| {
            call.operation == "GetItem"
                && call.keys().iter().any(|(_, key)| key.starts_with("user#"))
        });
        let change = json!({"current-password": PASSWORD, "email": "new@example.com"});
        let later = gate.during(app.update(&user.token, &change));
        let (signed_in, changed) = tokio::join!(app.log_in("john@example.com", PASSWORD), later);
        assert_eq!((signed_in.status, changed.status), (401, 200));
        app.mail();
    }

    /// It was right when it was verified, and wrong when the log-in ended: it counts against its source.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_overtaken_log_in_counts_against_its_source() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")]).await;
        overtake(&app).await;
        assert_eq!(app.log_in("john", "wrong password").await.status, 429);
        app.mail();
    }

    /// The last attempt is lost as well: the response does not tell that the password was right, and the request is no guess.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_that_is_always_overtaken_is_no_guess() {
        let app = TestApp::with_settings(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")]).await;
        app.sign_up("john").await;
        let lost = error(400, "ConditionalCheckFailedException");
        app.proxy.rule_where(|call| call.contains(":session"), lost);
        assert_eq!(
            app.log_in("john", PASSWORD).await.problem(),
            problem(503, "unavailable")
        );
        app.proxy.heal();
        assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
    }

    /// Each change invalidates the record that the log-in has read, but not the password.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_survives_three_concurrent_changes() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let gates = app.proxy.hold_each::<3>(|call| call.contains(":session"));
        let changes = async {
            for (number, gate) in gates.iter().enumerate() {
                let email = format!("john{number}@example.com");
                let change = json!({"current-password": PASSWORD, "email": email});
                let changed = gate.during(app.update(&user.token, &change)).await;
                assert_eq!(changed.status, 200);
            }
        };
        let (signed_in, ()) = tokio::join!(app.log_in("john", PASSWORD), changes);
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        assert_eq!(app.unread_mails().len(), 3);
    }
}

mod case_30_throttling {
    use super::*;

    /// Concurrent log-ins try to end the same oldest session.
    #[tokio::test(flavor = "multi_thread")]
    async fn twenty_log_ins_leave_ten_sessions() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..3 {
            let log_ins = (0..20).map(|_| app.log_in("john", PASSWORD));
            let responses = join_all(log_ins).await;
            assert_eq!(statuses(&responses), [200; 20]);
            let mut living = 0;
            for response in responses {
                let token = response.token();
                living += usize::from(app.is_live(user.id, &token).await);
            }
            assert_eq!(living, 10);
            app.tables().check_users().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_beside_a_log_out_succeeds() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut tokens = vec![user.token.clone()];
        for _ in 0..9 {
            tokens.push(app.token("john", PASSWORD).await);
        }
        for _ in 0..ROUNDS {
            let oldest = tokens.remove(0);
            let (signed_in, ended) =
                tokio::join!(app.log_in("john", PASSWORD), app.log_out(&oldest));
            assert_eq!(signed_in.status, 200, "{signed_in:?}");
            assert!([204, 401].contains(&ended.status));
            assert!(!app.is_live(user.id, &oldest).await);
            tokens.push(signed_in.token());
            while tokens.len() < 10 {
                tokens.push(app.token("john", PASSWORD).await);
            }
            let mut ended = 0;
            for token in &tokens {
                ended += usize::from(!app.is_live(user.id, token).await);
            }
            assert_eq!(ended, 0);
        }
    }
}
