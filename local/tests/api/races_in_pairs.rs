//! Families 17, 18, 25, 29 and 30, further races, fifty rounds each: two who want the same, or one who takes away what
//! the other is using.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem},
    tables::Tables,
};

const ROUNDS: usize = 50;
const THIRD_PASSWORD: &str = "eleven orange hovercrafts";
const WRONG: &str = "wrong horse battery staple";

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

/// Every marker has its user, every user its markers, and nothing else is there; no user has an eleventh session.
async fn check_users(app: &TestApp) {
    let items = Tables::of(app).all("UsersTable").await;
    let key = |item: &Value| item["pk"].as_str().unwrap().to_owned();
    let (users, markers): (Vec<_>, Vec<_>) = items
        .iter()
        .partition(|item| key(item).starts_with("user#"));
    assert_eq!(markers.len(), 2 * users.len(), "{markers:?}");
    for user in users {
        for field in ["email", "username"] {
            let marker = format!("{field}#{}", user[field].as_str().unwrap().to_lowercase());
            let there = markers.iter().find(|item| key(item) == marker);
            assert_eq!(there.map(|item| &item["id"]), Some(&user["id"]), "{marker}");
        }
        assert!(user["sessions"].as_object().unwrap().len() <= 10);
    }
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

/// Whether the token still reads its user's record.
async fn lives(app: &TestApp, id: u64, token: &str) -> bool {
    app.get(&format!("/api/users/{id}"), token).await.status == 200
}

fn change(current: &str, mut fields: Value) -> Value {
    fields["current-password"] = json!(current);
    fields
}

mod case_17_one_address {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_who_swap_their_addresses_at_once_never_share_one_or_lose_one() {
        let app = start().await;
        let (one, two) = (app.sign_up("one").await, app.sign_up("two").await);
        for round in 0..ROUNDS {
            let address =
                async |user: &SessionResponse| app.details(user).await.json()["email"].clone();
            let (first, second) = (address(&one).await, address(&two).await);
            assert_ne!(first, second);
            let (first, second) = (
                change(PASSWORD, json!({"email": second})),
                change(PASSWORD, json!({"email": first})),
            );
            let answers = join_all([
                app.update(&one.token, &first),
                app.update(&two.token, &second),
            ])
            .await;
            for answer in &answers {
                assert_eq!(answer.fault(), fault("email", "taken"));
            }
            let freed = change(
                PASSWORD,
                json!({"email": format!("three{round}@example.com")}),
            );
            assert_eq!(app.update(&one.token, &freed).await.status, 200);
            let both = [
                app.update(&one.token, &second),
                app.update(&two.token, &second),
            ];
            let won = join_all(both).await;
            let won = won.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(won, 1);
            let (one_has, two_has) = (address(&one).await, address(&two).await);
            assert_ne!(one_has, two_has);
        }
        check_users(&app).await;
        assert_eq!(app.unread().len(), 2 * ROUNDS);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sign_up_beside_the_change_that_frees_its_address_gets_it_whole_or_not_at_all() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let mut wins = 0;
        for round in 0..ROUNDS {
            let address = app.details(&user).await.json()["email"].clone();
            let away = change(
                PASSWORD,
                json!({"email": format!("away{round}@example.com")}),
            );
            let newcomer = json!({
                "username": format!("newcomer{round}"), "email": address, "password": PASSWORD
            });
            let (changed, signed_up) = tokio::join!(
                app.update(&user.token, &away),
                app.post("/auth/signup", &newcomer),
            );
            assert_eq!(changed.status, 200, "{changed:?}");
            if signed_up.status == 201 {
                wins += 1;
            } else {
                assert_eq!(signed_up.fault(), fault("email", "taken"));
            }
        }
        check_users(&app).await;
        let users = Tables::of(&app).all("UsersTable").await.len() / 3;
        assert_eq!(users, 1 + wins);
        assert_eq!(app.unread().len(), ROUNDS);
    }
}

mod case_18_two_changes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_new_passwords_by_two_sessions_one_stands_and_ends_the_other_session() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            let (one, two) = (
                app.token("john", &current).await,
                app.token("john", &current).await,
            );
            let new = |which: &str| format!("round {round} password {which}");
            let wish = |which| change(&current, json!({"password": new(which)}));
            let (first, second) = (wish("one"), wish("two"));
            let answers = join_all([app.update(&one, &first), app.update(&two, &second)]).await;
            let (winner, loser, which) = match statuses(&answers).as_slice() {
                [200, 401] => (&one, &two, "one"),
                [401, 200] => (&two, &one, "two"),
                other => panic!("{other:?}: {answers:?}"),
            };
            assert!(lives(&app, user.id, winner).await);
            assert!(!lives(&app, user.id, loser).await);
            current = new(which);
            app.mail();
        }
        app.token("john", &current).await;
        check_users(&app).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_beside_a_new_password_one_of_the_two_stands() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            let session = app.token("john", &current).await;
            let link = app.reset_token("john@example.com").await;
            let (by_link, by_change) = (
                format!("round {round} by link"),
                format!("round {round} by change"),
            );
            let wish = change(&current, json!({"password": by_change}));
            let (completed, changed) =
                tokio::join!(app.complete(&link, &by_link), app.update(&session, &wish));
            match (completed.status, changed.status) {
                (201, 401) => {
                    assert!(!lives(&app, user.id, &session).await);
                    assert_eq!(app.log_in("john", &by_change).await.status, 401);
                    current = by_link;
                }
                (400, 200) => {
                    assert_eq!(completed.problem(), problem(400, "invalid_token"));
                    assert!(lives(&app, user.id, &session).await);
                    assert_eq!(app.log_in("john", &by_link).await.status, 401);
                    current = by_change;
                }
                other => panic!("{other:?}"),
            }
            app.token("john", &current).await;
            app.mail();
        }
        check_users(&app).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_beside_a_new_address_one_of_the_two_takes_place() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..ROUNDS {
            app.advance(Duration::from_hours(24));
            let session = app.token("john", &current).await;
            let address = app
                .get(&format!("/api/users/{}", user.id), &session)
                .await
                .json()["email"]
                .clone();
            let link = app.reset_token(address.as_str().unwrap()).await;
            let password = format!("round {round} by link");
            let wish = change(
                &current,
                json!({"email": format!("john{round}@example.com")}),
            );
            let (completed, changed) =
                tokio::join!(app.complete(&link, &password), app.update(&session, &wish));
            match (completed.status, changed.status) {
                (201, 401) => current = password,
                (400, 200) => assert_eq!(completed.problem(), problem(400, "invalid_token")),
                other => panic!("{other:?}"),
            }
            app.token("john", &current).await;
            assert_eq!(app.mail().to, [address.as_str().unwrap()]);
        }
        check_users(&app).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signing_out_beside_a_change_by_the_same_session_ends_it_in_any_case() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let mut current = PASSWORD;
        let mut other = OTHER_PASSWORD;
        for _ in 0..ROUNDS {
            let session = app.token("john", current).await;
            let wish = change(current, json!({"password": other}));
            let (changed, ended) = tokio::join!(app.update(&session, &wish), app.log_out(&session));
            assert_eq!(ended.status, 204);
            assert!(!lives(&app, user.id, &session).await);
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
    async fn ten_changes_of_one_user_at_once_are_serialised_or_told_to_try_again() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..ROUNDS {
            let before = Tables::of(&app).user(user.id).await["version"]
                .as_u64()
                .unwrap();
            let wishes: Vec<_> = (0..10)
                .map(|number| {
                    change(
                        PASSWORD,
                        json!({"first_name": format!("{before}-{number}")}),
                    )
                })
                .collect();
            let answers = join_all(wishes.iter().map(|wish| app.update(&user.token, wish))).await;
            let done = answers.iter().filter(|answer| answer.status == 200).count();
            assert!(done >= 1);
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                assert_eq!(answer.problem(), problem(409, "conflict"));
            }
            let after = Tables::of(&app).user(user.id).await["version"]
                .as_u64()
                .unwrap();
            assert_eq!(after - before, done as u64);
        }
    }
}

mod case_25_two_resets {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_used_while_a_newer_one_is_sent_works_or_the_newer_one_does() {
        let app = start().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            app.advance(Duration::from_hours(24));
            let older = app.reset_token("john@example.com").await;
            app.advance(Duration::from_mins(2));
            let password = format!("round {round} by the older");
            let (completed, asked) = tokio::join!(
                app.complete(&older, &password),
                app.request_reset("john@example.com")
            );
            assert_eq!(asked.status, 200);
            app.server.drain().await;
            let mails = app.unread();
            let newer = mails.iter().find(|mail| mail.text.contains("?token="));
            let newer = crate::app::token_in(newer.unwrap());
            match completed.status {
                201 => {
                    app.token("john", &password).await;
                    assert_eq!(mails.len(), 2);
                }
                400 => assert_eq!(completed.problem(), problem(400, "invalid_token")),
                _ => panic!("{completed:?}"),
            }
            // The newer mail either came of the state after the reset, and works, or its link died with the old password.
            let password = format!("round {round} by the newer");
            let answer = app.complete(&newer, &password).await;
            if completed.status == 400 {
                assert_eq!(answer.status, 201, "one of the two has to work");
            }
            if answer.status == 201 {
                app.token("john", &password).await;
                app.mail();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_ask_at_once_again_and_again_each_time_one_mail_comes() {
        let app = start().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            if round % 5 == 0 {
                app.advance(Duration::from_hours(24));
            }
            app.advance(Duration::from_mins(2));
            let spellings = ["john@example.com", "JOHN@example.com", " John@EXAMPLE.com"];
            let asked = (0..6).map(|number| app.request_reset(spellings[number % 3]));
            let answers = join_all(asked).await;
            assert_eq!(statuses(&answers), [200; 6]);
            app.server.drain().await;
            app.mail();
        }
    }
}

mod case_29_one_username {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_fifty_sign_ups_with_one_username_in_different_cases_one_wins() {
        let app = start().await;
        let sign_ups = (0..ROUNDS).map(|round| {
            let name: String = "somebody"
                .char_indices()
                .map(|(place, letter)| {
                    if round >> (place % 6) & 1 == 1 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect();
            let body = json!({"username": name, "email": format!("u{round}@example.com"), "password": PASSWORD});
            let app = &app;
            async move { app.post("/auth/signup", &body).await }
        });
        let answers = join_all(sign_ups).await;
        let won = answers.iter().filter(|answer| answer.status == 201);
        assert_eq!(won.count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(answer.fault(), fault("username", "taken"));
        }
        check_users(&app).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_sign_ups_that_share_an_address_or_a_username_leave_one_user_and_no_half_of_one() {
        let app = start().await;
        for round in 0..ROUNDS {
            let body = |username: &str, email: &str| {
                json!({
                    "username": format!("{username}{round}"),
                    "email": format!("{email}{round}@example.com"), "password": PASSWORD
                })
            };
            let bodies = [
                body("a", "a"),
                body("a", "b"),
                body("b", "b"),
                body("b", "a"),
            ];
            let answers = join_all(bodies.iter().map(|body| app.post("/auth/signup", body))).await;
            let won = statuses(&answers);
            let count = won.iter().filter(|status| **status == 201).count();
            assert!((1..=2).contains(&count), "{won:?}");
            assert!(
                won.iter().all(|status| [201, 400].contains(status)),
                "{won:?}"
            );
        }
        check_users(&app).await;
    }
}

mod case_30_many_log_ins {
    use super::*;

    /// Each ends the oldest session, and so the one that the others wanted to end.
    #[tokio::test(flavor = "multi_thread")]
    async fn twenty_log_ins_of_one_user_at_once_all_succeed_and_leave_ten_sessions() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..3 {
            let log_ins = (0..20).map(|_| app.log_in("john", PASSWORD));
            let answers = join_all(log_ins).await;
            assert_eq!(statuses(&answers), [200; 20]);
            let mut living = 0;
            for answer in answers {
                let token = answer.json()["token"].as_str().unwrap().to_owned();
                living += usize::from(lives(&app, user.id, &token).await);
            }
            assert_eq!(living, 10);
            check_users(&app).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_in_that_ends_the_oldest_session_beside_its_sign_out_succeeds() {
        let app = start().await;
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
            assert!(!lives(&app, user.id, &oldest).await);
            tokens.push(signed_in.json()["token"].as_str().unwrap().to_owned());
            while tokens.len() < 10 {
                tokens.push(app.token("john", PASSWORD).await);
            }
            let mut dead = 0;
            for token in &tokens {
                dead += usize::from(!lives(&app, user.id, token).await);
            }
            assert_eq!(dead, 0);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn right_and_wrong_passwords_at_once_never_let_more_than_five_wrong_ones_be_told() {
        let app = start().await;
        app.sign_up("john").await;
        for _ in 0..ROUNDS {
            app.advance(Duration::from_hours(25));
            let tries = (0..12).map(|number| {
                let password = if number == 6 { PASSWORD } else { WRONG };
                app.log_in(["john", "john@example.com"][number % 2], password)
            });
            let answers = join_all(tries).await;
            let told = statuses(&answers);
            let wrong = told.iter().filter(|status| **status == 401).count();
            let right = told.iter().filter(|status| **status == 200).count();
            // A success ends the count and five more are free.
            assert!(wrong <= 5 + 5 * right, "{told:?}");
            assert!(
                told.iter().all(|status| [200, 401, 429].contains(status)),
                "{told:?}"
            );
        }
    }

    /// A guess that saw an old count of five, and is counted late, does not end the wait for five new ones.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_count_that_was_seen_a_day_ago_is_not_taken_for_the_same_count_today() {
        let app = start().await;
        app.sign_up("john").await;
        for name in ["john", "nobody"] {
            app.proxy.heal();
            for _ in 0..5 {
                assert_eq!(app.log_in(name, WRONG).await.status, 401);
            }
            app.advance(Duration::from_hours(25));
            let gate = app.proxy.hold(|call| call.says(":failures"));
            let later = gate.during(async {
                for _ in 0..5 {
                    assert_eq!(app.log_in(name, WRONG).await.status, 401, "{name}");
                }
            });
            let (late, ()) = tokio::join!(app.log_in(name, WRONG), later);
            assert_eq!(late.status, 429, "{name}");
            assert_eq!(app.log_in(name, WRONG).await.status, 429, "{name}");
        }
    }

    /// DynamoDB deletes what has expired at a moment of its own, such as this one.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_is_counted_though_the_expired_count_is_deleted_meanwhile() {
        let app = start().await;
        app.log_in("nobody", WRONG).await;
        app.advance(Duration::from_hours(25));
        let gate = app.proxy.hold(|call| call.says(":failures"));
        let sweep = gate.during(async {
            let name = shared::domain::digest::sha256_hex(b"nobody");
            let key = format!("limit#unknown_name#{name}");
            Tables::of(&app).delete("TransientTable", &key).await;
        });
        let (first, ()) = tokio::join!(app.log_in("nobody", WRONG), sweep);
        assert_eq!(first.status, 401);
        for _ in 0..4 {
            assert_eq!(app.log_in("nobody", WRONG).await.status, 401);
        }
        assert_eq!(app.log_in("nobody", WRONG).await.status, 429);
    }

    /// The write of a reset is held back until the log-in has counted one more wrong password.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_counted_during_a_reset_does_not_spoil_it() {
        let app = start().await;
        app.sign_up("john").await;
        for _ in 0..4 {
            app.log_in("john", WRONG).await;
        }
        let link = app.reset_token("john@example.com").await;
        let gate = app
            .proxy
            .hold(|call| call.operation == "TransactWriteItems");
        let later = gate.during(app.log_in("john", WRONG));
        let (completed, wrong) = tokio::join!(app.complete(&link, THIRD_PASSWORD), later);
        assert_eq!((completed.status, wrong.status), (201, 401));
        app.token("john", THIRD_PASSWORD).await;
        app.mail();
    }
}

mod case_22_limits_at_once {
    use super::*;

    /// How many of thirty at once were let through, in a fresh window and in the one after it.
    async fn let_through(app: &TestApp, path: &str, body: impl Fn(usize) -> Value) {
        for window in 0..3 {
            let bodies: Vec<_> = (0..30).map(|number| body(100 * window + number)).collect();
            let answers = join_all(bodies.iter().map(|body| app.post(path, body))).await;
            let refused = answers.iter().filter(|answer| answer.status == 429);
            assert_eq!(refused.count(), 20, "{path}: {:?}", statuses(&answers));
            for answer in answers {
                assert!(answer.status < 500, "{answer:?}");
                if answer.status == 429 {
                    assert_eq!(answer.problem(), problem(429, "too_many_requests"));
                    assert_eq!(answer.header("retry-after"), Some("3600"));
                }
            }
            app.advance(Duration::from_hours(1));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_limit_by_source_lets_through_exactly_its_number_of_thirty_at_once() {
        let app = TestApp::with(&[
            ("LIMIT_RESETS_PER_HOUR", "10"),
            ("LIMIT_COMPLETIONS_PER_HOUR", "10"),
            ("LIMIT_SIGN_UPS_PER_HOUR", "10"),
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "10"),
        ])
        .await;
        let ask = |number| json!({"email": format!("nobody{number}@example.com")});
        let_through(&app, "/api/passwords/reset_password", ask).await;
        let complete = |_| json!({"new_password": PASSWORD, "password_confirmation": PASSWORD, "reset_token": "x"});
        let_through(&app, "/api/passwords/reset_password_complete", complete).await;
        let sign_up = |number| {
            json!({
                "username": format!("user{number}"), "email": format!("user{number}@example.com"),
                "password": PASSWORD
            })
        };
        let_through(&app, "/auth/signup", sign_up).await;
        check_users(&app).await;
        let log_in = |number| json!({"username": format!("nobody{number}"), "password": WRONG});
        let_through(&app, "/auth/login", log_in).await;
    }
}
