//! Families 17, 18, 25 and 29: what happens when two want the same at once. Fifty rounds each.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, fault},
    tables::Tables,
};

const ROUNDS: usize = 50;

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

/// Every marker has its user, every user its markers, and nothing else is there.
async fn check_markers(app: &TestApp) {
    let items = Tables::of(app).all("UsersTable").await;
    let key = |item: &Value| item["pk"].as_str().unwrap().to_owned();
    let markers: Vec<(String, Value)> = items
        .iter()
        .filter(|item| !key(item).starts_with("user#"))
        .map(|item| (key(item), item["id"].clone()))
        .collect();
    let users: Vec<&Value> = items
        .iter()
        .filter(|item| key(item).starts_with("user#"))
        .collect();
    assert_eq!(markers.len(), 2 * users.len());
    for user in users {
        let email = format!("email#{}", user["email"].as_str().unwrap().to_lowercase());
        let username = format!(
            "username#{}",
            user["username"].as_str().unwrap().to_lowercase()
        );
        for marker in [email, username] {
            assert!(
                markers.contains(&(marker.clone(), user["id"].clone())),
                "{marker}"
            );
        }
    }
}

mod case_29_one_account {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_fifty_sign_ups_with_one_address_in_different_cases_one_wins() {
        let app = start().await;
        let sign_ups = (0..ROUNDS).map(|round| {
            let address: String = "somebody@example.com"
                .char_indices()
                .map(|(place, letter)| {
                    if round >> (place % 6) & 1 == 1 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect();
            let body =
                json!({"username": format!("user{round}"), "email": address, "password": PASSWORD});
            let app = &app;
            async move { app.post("/auth/signup", &body).await }
        });
        let answers = join_all(sign_ups).await;
        assert_eq!(
            answers.iter().filter(|answer| answer.status == 201).count(),
            1
        );
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(answer.fault(), fault("email", "taken"));
        }
        check_markers(&app).await;
    }
}

mod case_17_one_address {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_users_and_a_newcomer_who_want_one_address_one_gets_it() {
        let app = start().await;
        let (first, second) = (app.sign_up("first").await, app.sign_up("second").await);
        for round in 0..ROUNDS {
            let wanted = format!("wanted{round}@example.com");
            let change = json!({"current-password": PASSWORD, "email": wanted});
            let newcomer = json!({"username": format!("newcomer{round}"), "email": wanted, "password": PASSWORD});
            let (one, two, three) = tokio::join!(
                app.update(&first.token, &change),
                app.update(&second.token, &change),
                app.post("/auth/signup", &newcomer),
            );
            let won = [one.status == 200, two.status == 200, three.status == 201];
            assert_eq!(
                won.iter().filter(|won| **won).count(),
                1,
                "{one:?} {two:?} {three:?}"
            );
            for answer in [one, two, three]
                .iter()
                .filter(|answer| answer.status >= 300)
            {
                assert_eq!(answer.fault(), fault("email", "taken"));
            }
        }
        check_markers(&app).await;
        assert!(app.unread().len() <= 2 * ROUNDS);
    }
}

mod case_18_changes_at_once {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_changes_of_one_user_at_once_both_take_place_or_one_is_told_to_try_again() {
        let app = start().await;
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
    async fn a_log_in_with_the_old_password_that_ends_after_the_change_leaves_no_session() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let (mut old, mut new) = (PASSWORD, OTHER_PASSWORD);
        for _ in 0..ROUNDS {
            app.advance(Duration::from_secs(1));
            let change = json!({"current-password": old, "password": new});
            let (changed, signed_in) =
                tokio::join!(app.update(&user.token, &change), app.log_in("john", old));
            assert_eq!(changed.status, 200, "{changed:?}");
            if signed_in.status == 200 {
                let token = signed_in.json()["token"].as_str().unwrap().to_owned();
                let read = app.get(&format!("/api/users/{}", user.id), &token).await;
                assert_eq!(read.status, 401, "a session of the old password lives on");
            }
            let sessions = Tables::of(&app).user(user.id).await["sessions"]
                .as_object()
                .unwrap()
                .len();
            assert_eq!(sessions, 1);
            (old, new) = (new, old);
            app.mail();
        }
    }

    /// The same, made certain: the log-in's write is held back until the change has taken place.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_that_is_held_back_until_after_the_change_fails() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let gate = app.proxy.hold(|call| call.says(":session"));
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        let later = gate.during(app.update(&user.token, &change));
        let (signed_in, changed) = tokio::join!(app.log_in("john", PASSWORD), later);
        assert_eq!((signed_in.status, changed.status), (401, 200));
        app.mail();
    }

    /// Each change makes what the log-in has read void, though its password stays good.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_that_three_changes_overtake_begins_as_often() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let gates = app.proxy.hold_each::<3>(|call| call.says(":session"));
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
        assert_eq!(app.unread().len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_by_a_session_that_ends_meanwhile_is_refused() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let other = app.token("john", PASSWORD).await;
        let gate = app.proxy.hold(|call| call.says(":first_name"));
        let change = json!({"current-password": PASSWORD, "first_name": "Mallory"});
        let later = gate.during(app.log_out(&other));
        let (changed, ended) = tokio::join!(app.update(&other, &change), later);
        assert_eq!((changed.status, ended.status), (401, 204));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
    }
}

mod case_25_completions_at_once {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_twenty_completions_at_once_one_wins_and_its_password_signs_in() {
        let app = start().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            let token = app.reset_token("john@example.com").await;
            // Twenty in the first rounds; fewer later, so that other timings have their turn.
            let tries = if round < 10 { 20 } else { 2 + round % 4 };
            let password = |number| format!("round {round} password {number}");
            let answers = join_all((0..tries).map(|number| {
                let (app, token) = (&app, &token);
                async move { app.complete(token, &password(number)).await }
            }))
            .await;
            let winners: Vec<_> = (0..tries)
                .filter(|number| answers[*number].status == 201)
                .collect();
            assert_eq!(winners.len(), 1, "{answers:?}");
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                assert_eq!(answer.problem(), (400, "invalid_token".to_owned()));
            }
            app.token("john", &password(winners[0])).await;
            app.mail();
        }
    }
}
