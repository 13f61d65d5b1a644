//! Concurrent changes of one account.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, ROUNDS, TestApp, with_password},
    response::{problem, statuses},
};

mod case_18_concurrent_changes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_changes_are_both_applied() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for round in 0..ROUNDS {
            let first = json!({"current-password": PASSWORD, "first_name": format!("F{round}")});
            let last = json!({"current-password": PASSWORD, "last_name": format!("L{round}")});
            let (one, two) = tokio::join!(
                app.update(&user.token, &first),
                app.update(&user.token, &last)
            );
            assert_eq!((one.status, two.status), (200, 200));
            let details = app.details(&user).await.json();
            assert_eq!(
                (&details["first_name"], &details["last_name"]),
                (&json!(format!("F{round}")), &json!(format!("L{round}")))
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_ended_meanwhile_cannot_change() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let other = app.token("john", PASSWORD).await;
        let gate = app.proxy.hold(|call| call.contains(":first_name"));
        let change = json!({"current-password": PASSWORD, "first_name": "Mallory"});
        let later = gate.during(app.log_out(&other));
        let (changed, ended) = tokio::join!(app.update(&other, &change), later);
        assert_eq!((changed.status, ended.status), (401, 204));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_new_passwords_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            let (one, two) = (
                app.token("john", &current).await,
                app.token("john", &current).await,
            );
            let new = |which: &str| format!("round {round} password {which}");
            let update = |which| with_password(&current, json!({"password": new(which)}));
            let (first, second) = (update("one"), update("two"));
            let responses = join_all([app.update(&one, &first), app.update(&two, &second)]).await;
            let (winner, loser, which) = match statuses(&responses).as_slice() {
                [200, 401] => (&one, &two, "one"),
                [401, 200] => (&two, &one, "two"),
                other => panic!("{other:?}: {responses:?}"),
            };
            assert!(app.is_live(user.id, winner).await);
            assert!(!app.is_live(user.id, loser).await);
            current = new(which);
            app.mail();
        }
        app.token("john", &current).await;
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_and_a_new_password_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            let session = app.token("john", &current).await;
            let link = app.reset_token("john@example.com").await;
            let (by_link, by_change) = (
                format!("round {round} by link"),
                format!("round {round} by change"),
            );
            let update = with_password(&current, json!({"password": by_change}));
            let (completed, changed) =
                tokio::join!(app.complete(&link, &by_link), app.update(&session, &update));
            match (completed.status, changed.status) {
                (201, 401) => {
                    assert!(!app.is_live(user.id, &session).await);
                    assert_eq!(app.log_in("john", &by_change).await.status, 401);
                    current = by_link;
                }
                (400, 200) => {
                    assert_eq!(completed.problem(), problem(400, "invalid_token"));
                    assert!(app.is_live(user.id, &session).await);
                    assert_eq!(app.log_in("john", &by_link).await.status, 401);
                    current = by_change;
                }
                other => panic!("{other:?}"),
            }
            app.token("john", &current).await;
            app.mail();
        }
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_and_a_new_address_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            app.advance(Duration::from_hours(24));
            let session = app.token("john", &current).await;
            let address = app.details_with(&user, &session).await.json()["email"].clone();
            let link = app.reset_token(address.as_str().unwrap()).await;
            let password = format!("round {round} by link");
            let update = with_password(
                &current,
                json!({"email": format!("john{round}@example.com")}),
            );
            let (completed, changed) = tokio::join!(
                app.complete(&link, &password),
                app.update(&session, &update)
            );
            match (completed.status, changed.status) {
                (201, 401) => current = password,
                (400, 200) => assert_eq!(completed.problem(), problem(400, "invalid_token")),
                other => panic!("{other:?}"),
            }
            app.token("john", &current).await;
            assert_eq!(app.mail().to, [address.as_str().unwrap()]);
        }
        app.tables().check_users().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrent_log_out_always_ends_the_session() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD;
        let mut other = OTHER_PASSWORD;
        for _ in 0..ROUNDS {
            let session = app.token("john", current).await;
            let update = with_password(current, json!({"password": other}));
            let (changed, ended) =
                tokio::join!(app.update(&session, &update), app.log_out(&session));
            assert_eq!(ended.status, 204);
            assert!(!app.is_live(user.id, &session).await);
            match changed.status {
                200 => {
                    (current, other) = (other, current);
                    app.mail();
                }
                401 => {}
                _ => panic!("{changed:?}"),
            }
            app.token("john", current).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ten_changes_are_serialized_or_conflict() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for _ in 0..ROUNDS {
            let before = app.tables().user(user.id).await["version"]
                .as_u64()
                .unwrap();
            let updates: Vec<_> = (0..10)
                .map(|number| {
                    with_password(
                        PASSWORD,
                        json!({"first_name": format!("{before}-{number}")}),
                    )
                })
                .collect();
            let responses =
                join_all(updates.iter().map(|update| app.update(&user.token, update))).await;
            let done = responses
                .iter()
                .filter(|response| response.status == 200)
                .count();
            assert!(done >= 1);
            for response in responses.iter().filter(|response| response.status != 200) {
                assert_eq!(response.problem(), problem(409, "conflict"));
            }
            let after = app.tables().user(user.id).await["version"]
                .as_u64()
                .unwrap();
            assert_eq!(after - before, done as u64);
        }
    }
}
