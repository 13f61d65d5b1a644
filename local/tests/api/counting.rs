//! Families 19 and 30 to 32, further cases: how wrong passwords are counted, for whom, and until when; and what stored
//! hashes sign in.

use std::time::Duration;

use serde_json::{Value, json};
use shared::domain::password::Params;

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem},
    tables::Tables,
};

const WRONG: &str = "wrong horse battery staple";
const SECOND: Duration = Duration::from_secs(1);

/// No limits by source: all of this comes from one.
async fn start() -> TestApp {
    TestApp::with(&[("SOURCE_LIMITS", "off")]).await
}

/// The seconds that a 429 says to wait.
fn wait(answer: &Answer) -> u64 {
    assert_eq!(answer.problem(), problem(429, "too_many_requests"));
    answer.header("retry-after").unwrap().parse().unwrap()
}

async fn guess(app: &TestApp, user: &SessionResponse) -> Answer {
    let guess = json!({"current-password": WRONG, "first_name": "Mallory"});
    app.update(&user.token, &guess).await
}

async fn right(app: &TestApp, user: &SessionResponse, mut fields: Value) -> Answer {
    fields["current-password"] = json!(PASSWORD);
    app.update(&user.token, &fields).await
}

async fn fail(app: &TestApp, name: &str, times: usize) {
    for _ in 0..times {
        let answer = app.log_in(name, WRONG).await;
        assert_eq!(
            answer.problem(),
            problem(401, "invalid_credentials"),
            "{name}"
        );
    }
}

mod case_19_guessing_with_a_token {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_grow_at_this_door_as_at_the_other_and_tries_during_one_cost_nothing() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..4 {
            assert_eq!(
                guess(&app, &user).await.fault(),
                fault("current-password", "incorrect")
            );
        }
        for expected in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(guess(&app, &user).await.status, 400, "before {expected}");
            for left in [expected, expected - 1] {
                let runs = app.hasher.count();
                let user_before = Tables::of(&app).user(user.id).await;
                assert_eq!(wait(&guess(&app, &user).await), left);
                assert_eq!(
                    wait(&right(&app, &user, json!({"first_name": "J"})).await),
                    left
                );
                assert_eq!(wait(&app.log_in("john", PASSWORD).await), left);
                assert_eq!(wait(&app.log_in("John@Example.com", WRONG).await), left);
                assert_eq!(app.hasher.count(), runs, "no password is looked at");
                assert_eq!(Tables::of(&app).user(user.id).await, user_before);
                app.advance(SECOND);
            }
            app.advance(Duration::from_secs(expected - 2));
        }
        // The session itself was never in question.
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(
            right(&app, &user, json!({"first_name": "J"})).await.status,
            200
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_refused_before_the_password_is_looked_at_is_not_counted() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..6 {
            for body in [
                json!({"current-password": WRONG}),
                json!({"current-password": WRONG, "email": "nonsense"}),
                json!({"current-password": WRONG, "first_name": "J", "id": 1}),
                json!({"current-password": WRONG, "is_superuser": true}),
                json!({"current-password": "x".repeat(513), "first_name": "J"}),
                json!({"current-password": "nul\u{0}", "first_name": "J"}),
                json!({"first_name": "J"}),
            ] {
                assert!([400, 403].contains(&app.update(&user.token, &body).await.status));
            }
        }
        assert_eq!(
            right(&app, &user, json!({"first_name": "J"})).await.status,
            200
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_kind_of_change_by_the_right_password_ends_the_count() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for fields in [
            json!({"first_name": "J"}),
            json!({"first_name": "J"}),
            json!({"email": "JOHN@example.com"}),
            json!({"email": "johnny@example.com"}),
            json!({"is_superuser": false}),
            json!({"password": PASSWORD}),
        ] {
            for door in 0..4 {
                let status = if door % 2 == 0 {
                    guess(&app, &user).await.status
                } else {
                    app.log_in("john", WRONG).await.status
                };
                assert!([400, 401].contains(&status), "{fields}");
            }
            let answer = right(&app, &user, fields.clone()).await;
            assert_eq!(answer.status, 200, "{fields}");
            assert_eq!(
                Tables::of(&app).user(user.id).await.get("failures"),
                None,
                "{fields}"
            );
        }
        fail(&app, "john", 4).await;
        let change = json!({"password": OTHER_PASSWORD});
        assert_eq!(right(&app, &user, change).await.status, 200);
        fail(&app, "john", 4).await;
        app.token("john", OTHER_PASSWORD).await;
        assert_eq!(app.unread().len(), 2);
    }

    /// What is taken is no right password that changed something, and the count goes on.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_fails_for_another_reason_tells_no_more_than_its_fault() {
        let app = start().await;
        let user = app.sign_up("john").await;
        app.sign_up("jane").await;
        for _ in 0..4 {
            guess(&app, &user).await;
        }
        let taken = right(
            &app,
            &user,
            json!({"email": "jane@example.com", "first_name": "J"}),
        )
        .await;
        assert_eq!(taken.fault(), fault("email", "taken"));
        assert_eq!(app.details(&user).await.json()["first_name"], "");
        app.token("john", PASSWORD).await;
    }
}

mod case_30_waits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn all_spellings_of_both_names_and_both_doors_count_together() {
        let app = start().await;
        let body = json!({
            "username": "Hans", "email": "Hans@B\u{fc}cher.example", "password": PASSWORD
        });
        let answer = app.post("/auth/signup", &body).await.json();
        let user = SessionResponse {
            id: answer["user"]["id"].as_u64().unwrap(),
            username: "Hans".to_owned(),
            email: "Hans@B\u{fc}cher.example".to_owned(),
            token: answer["token"].as_str().unwrap().to_owned(),
        };
        fail(&app, "HANS", 1).await;
        fail(&app, "hans@xn--bcher-kva.example", 1).await;
        fail(&app, " HANS@B\u{dc}CHER.example\n", 1).await;
        assert_eq!(guess(&app, &user).await.status, 400);
        fail(&app, "hans", 1).await;
        for name in [
            "hans",
            "hAnS",
            "hans@b\u{fc}cher.example",
            "HANS@XN--BCHER-KVA.EXAMPLE",
        ] {
            assert_eq!(wait(&app.log_in(name, PASSWORD).await), 2, "{name}");
        }
        assert_eq!(wait(&guess(&app, &user).await), 2);
        app.advance(SECOND);
        assert_eq!(wait(&app.log_in("hans", PASSWORD).await), 1);
        app.advance(SECOND);
        app.token("hans", PASSWORD).await;
        fail(&app, "hans", 4).await;
        app.token("hans", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_spellings_of_an_unknown_name_count_together_and_no_two_names_do() {
        let app = start().await;
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
                fail(&app, name, 1).await;
            }
            for name in names {
                assert_eq!(wait(&app.log_in(name, WRONG).await), 2, "{name}");
            }
        }
        fail(&app, "nobody2", 1).await;
        fail(&app, "nobody@bucher.example", 1).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn known_and_unknown_names_are_answered_alike_in_every_header_and_byte_all_the_way() {
        let app = start().await;
        app.sign_up("john").await;
        let ask = async |name: &str| {
            let runs = app.hasher.count();
            let mut answer = app.log_in(name, WRONG).await;
            answer.headers.remove("date");
            (
                answer.status,
                answer.headers,
                answer.text,
                app.hasher.count() - runs,
            )
        };
        for round in 0..40 {
            let known = ask("john").await;
            assert_eq!(known, ask("jane").await, "{round}");
            assert_eq!(known, ask("jane@example.com").await, "{round}");
            app.advance(Duration::from_secs([0, 1, 2, 7, 60, 300, 899][round % 7]));
        }
        // A day after the last wait all of it is forgotten.
        app.advance(Duration::from_hours(25));
        for round in 0..8 {
            let known = ask("john").await;
            assert_eq!(known, ask("jane").await, "{round}, a day later");
            assert_eq!(known.0, if round < 5 { 401 } else { 429 });
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn wrong_passwords_are_remembered_for_a_day_to_the_second() {
        for name in ["john", "nobody", "nobody@example.com"] {
            for (later, forgotten) in [(86_399, false), (86_400, true)] {
                let app = start().await;
                app.sign_up("john").await;
                fail(&app, name, 4).await;
                app.advance(Duration::from_secs(later));
                fail(&app, name, 1).await;
                let answer = app.log_in(name, WRONG).await;
                assert_eq!(
                    answer.status,
                    if forgotten { 401 } else { 429 },
                    "{name}, {later}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_counter_that_expired_or_lacks_something_is_as_good_as_none() {
        let app = start().await;
        let tables = Tables::of(&app);
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
            tables.put("TransientTable", &item).await;
            fail(&app, "nobody", 5).await;
            assert_eq!(wait(&app.log_in("nobody", WRONG).await), 2, "{item}");
        }
    }

    /// What has to wait costs its source nothing of the hundred.
    #[tokio::test(flavor = "multi_thread")]
    async fn tries_during_a_wait_do_not_count_by_source_and_the_window_ends_on_the_second() {
        let app = TestApp::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "7")]).await;
        app.sign_up("john").await;
        fail(&app, "john", 5).await;
        for _ in 0..10 {
            assert_eq!(wait(&app.log_in("john", WRONG).await), 2);
        }
        app.advance(Duration::from_mins(10));
        fail(&app, "jane", 2).await;
        for name in ["john", "jane", "other@example.com"] {
            assert_eq!(wait(&app.log_in(name, PASSWORD).await), 3000, "{name}");
        }
        app.advance(Duration::from_secs(2999));
        assert_eq!(wait(&app.log_in("john", PASSWORD).await), 1);
        app.advance(SECOND);
        app.token("john", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stranger_at_it_all_day_locks_nobody_out_for_more_than_a_quarter_of_an_hour() {
        let app = start().await;
        let user = app.sign_up("john").await;
        for _ in 0..60 {
            // Whenever it is possible, at once.
            while app.log_in("john", WRONG).await.status == 401 {}
            app.advance(SECOND);
            let left = match app.log_in("john", WRONG).await {
                answer if answer.status == 429 => wait(&answer),
                _ => 0,
            };
            assert!(left <= 900);
            app.advance(Duration::from_secs(left));
        }
        // Those who are signed in stay so, and a reset is a way out at any time.
        assert_eq!(app.details(&user).await.status, 200);
        while app.log_in("john", WRONG).await.status == 401 {}
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.token("john", OTHER_PASSWORD).await;
        fail(&app, "john", 4).await;
        app.mail();
    }
}

mod case_31_what_is_given {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_existing_password_is_right_or_wrong_whatever_the_rules_for_new_ones_say() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let longest = "\u{1f511}".repeat(128);
        let change = json!({"current-password": PASSWORD, "password": longest});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        app.token("john", &longest).await;
        for wrong in [
            "",
            " ",
            "x",
            "password",
            "john",
            &"x".repeat(512),
            &"\u{e9}".repeat(256),
        ] {
            let answer = app.log_in("john", wrong).await;
            assert_eq!(
                answer.problem(),
                problem(401, "invalid_credentials"),
                "{wrong:?}"
            );
            app.token("john", &longest).await;
        }
        for (refused, code) in [
            ("x".repeat(513), "too_long"),
            ("\u{e9}".repeat(257), "too_long"),
            (format!("{longest}x"), "too_long"),
            ("nul\u{0}".to_owned(), "invalid"),
        ] {
            let answer = app.log_in("john", &refused).await;
            assert_eq!(answer.fault(), fault("password", code));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_password_is_trimmed_folded_or_cut() {
        let app = start().await;
        let body = |password: &str| json!({"username": "john", "email": "john@example.com", "password": password});
        let password = " Caf\u{e9}\tau Lait \u{200b}";
        assert_eq!(app.post("/auth/signup", &body(password)).await.status, 201);
        for wrong in [
            password.trim(),
            &password.to_lowercase(),
            &password.to_uppercase(),
            &password.replace('\u{200b}', ""),
            &password.replace('\t', " "),
            &password.replace('\u{e9}', "e"),
            &format!("{password} "),
            &password[..password.len() - 3],
        ] {
            assert_eq!(app.log_in("john", wrong).await.status, 401, "{wrong:?}");
            app.token("john", password).await;
        }
        app.token("john", &password.replace('\u{e9}', "e\u{301}"))
            .await;
    }
}

mod case_32_stored_hashes {
    use super::*;

    /// Made by one with these parameters, for [`PASSWORD`].
    async fn hash(params: Params) -> String {
        let app = TestApp::with_params(&[], params).await;
        let user = app.sign_up("john").await;
        Tables::of(&app).user(user.id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_weaker_hash_is_replaced_by_the_right_password_only_and_a_stronger_one_never() {
        let of = |m_cost, t_cost, p_cost| Params {
            m_cost,
            t_cost,
            p_cost,
        };
        let app = TestApp::with_params(&[("SOURCE_LIMITS", "off")], of(128, 2, 1)).await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        let mut session = user.token.clone();
        let stored = async || tables.user(user.id).await["password_hash"].clone();
        for (params, is_weaker) in [
            (of(64, 2, 1), true),
            (of(128, 1, 1), true),
            (of(127, 10, 4), true),
            (of(128, 2, 1), false),
            (of(128, 2, 4), false),
            (of(256, 3, 2), false),
            (of(1024, 2, 1), false),
        ] {
            let old = hash(params).await;
            tables.set(user.id, "password_hash", &old).await;
            assert_eq!(app.log_in("john", WRONG).await.status, 401);
            assert_eq!(stored().await, old, "a wrong password replaces nothing");
            let change = json!({"current-password": PASSWORD, "first_name": "J"});
            assert_eq!(app.update(&session, &change).await.status, 200);
            app.token("john", PASSWORD).await;
            let now = stored().await;
            assert_eq!(now != old, is_weaker, "{old}");
            if is_weaker {
                let now = now.as_str().unwrap();
                assert!(now.starts_with("$argon2id$v=19$m=128,t=2,p=1$"), "{now}");
            }
            let read = app.get(&format!("/api/users/{}", user.id), &session).await;
            assert_eq!(read.status, 200, "no session ends by it");
            session = app.token("john", PASSWORD).await;
            assert_eq!(app.log_in("john", WRONG).await.status, 401);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_hash_of_ours_signs_nobody_in_and_a_reset_mends_it() {
        let app = start().await;
        let user = app.sign_up("john").await;
        let tables = Tables::of(&app);
        let good = tables.user(user.id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned();
        for bad in [
            String::new(),
            PASSWORD.to_owned(),
            "!".to_owned(),
            format!("{good}$"),
            format!(" {good}"),
            good.replace("argon2id", "argon2i"),
            good.replace("argon2id", "ARGON2ID"),
            good.replace("v=19", "v=16"),
            good.replace("m=64", "m=4294967295"),
            good.replace("m=64", "m=65537"),
            good.replace("m=64", "m=1"),
            good.replace("t=1", "t=4294967295"),
            good.replace("t=1", "t=0"),
            good.replace("p=1", "p=16777215"),
            good[..good.len() - 1].to_owned(),
            good[..=good.rfind('$').unwrap()].to_owned(),
            "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234".to_owned(),
            "x".repeat(100_000),
        ] {
            tables.set(user.id, "password_hash", &bad).await;
            for password in [PASSWORD, "", &bad[..bad.len().min(512)]] {
                let answer = app.log_in("john", password).await;
                assert_eq!(answer.problem(), problem(401, "invalid_credentials"));
            }
            let change = json!({"current-password": PASSWORD, "first_name": "J"});
            let answer = app.update(&user.token, &change).await;
            assert_eq!(answer.fault(), fault("current-password", "incorrect"));
            tables
                .strip("UsersTable", &format!("user#{}", user.id), "failures")
                .await;
        }
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
        app.token("john", OTHER_PASSWORD).await;
    }
}
