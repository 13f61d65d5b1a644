//! The keys that tokens are signed with, families 7 and 41: made at the first sign-up, replaced after 30 days, published
//! before they sign and for as long as a token of theirs can live.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, SessionResponse, TestApp, problem},
    minter::{Minter, part, proves, thumbprint},
    proxy::{Call, Fate, error},
    tables::Tables,
};

/// Seconds.
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Signers and verifiers may hold on to a key for this long.
const MEMORY: u64 = 5 * MINUTE;

fn advance(app: &TestApp, seconds: u64) {
    app.advance(Duration::from_secs(seconds));
}

async fn jwks(app: &TestApp) -> Answer {
    let answer = app
        .send(app.request(Method::GET, "/.well-known/jwks.json"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn published(app: &TestApp) -> Vec<String> {
    let keys = jwks(app).await.json()["keys"].as_array().unwrap().clone();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

async fn status(app: &TestApp, user: &SessionResponse, token: &str) -> u16 {
    app.get(&format!("/api/users/{}", user.id), token)
        .await
        .status
}

fn is_about_keys(call: &Call) -> bool {
    call.keys().iter().any(|(table, _)| table == "KeysTable")
}

fn key_calls(app: &TestApp) -> usize {
    app.proxy
        .calls()
        .iter()
        .filter(|call| is_about_keys(call))
        .count()
}

mod case_07_signing_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn before_the_first_sign_up_there_is_no_key_and_that_is_not_cacheable() {
        let app = TestApp::start().await;
        let answer = jwks(&app).await;
        assert_eq!(answer.text, r#"{"keys":[]}"#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        // It is not remembered either.
        app.sign_up("john").await;
        assert_eq!(published(&app).await.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn anyone_can_check_a_token_with_the_published_key() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let answer = jwks(&app).await;
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let key = answer.json()["keys"][0].clone();
        assert!(proves(&key, &user.token));
        assert_eq!(key["kid"], thumbprint(&key));
        assert_eq!(
            part(&user.token, 0),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": key["kid"]})
        );
        let point = json!({"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"]});
        let mut whole = point.clone();
        whole.as_object_mut().unwrap().extend([
            ("kid".to_owned(), key["kid"].clone()),
            ("alg".to_owned(), json!("ES256")),
            ("use".to_owned(), json!("sig")),
        ]);
        // Nothing else: no private part.
        assert_eq!(answer.json(), json!({"keys": [whole]}));
        assert_eq!(point, Minter::of(&app).await.jwk());
        let claims = part(&user.token, 1);
        assert_eq!(claims["sub"], user.id.to_string());
        assert_eq!(claims.as_object().unwrap().len(), 6);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_is_replaced_after_thirty_days_without_a_token_dying_early_or_late() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let first = kid(&user.token);
        let old = Minter::of(&app).await;
        advance(&app, 30 * DAY - 1);
        let token = app.token("john", PASSWORD).await;
        assert_eq!(
            (kid(&token), published(&app).await),
            (first.clone(), vec![first.clone()])
        );
        // Old enough: another key is published, and does not sign yet.
        advance(&app, MEMORY);
        let rotated_at = app.now();
        let token = app.token("john", PASSWORD).await;
        assert_eq!(kid(&token), first);
        advance(&app, MEMORY);
        let both = published(&app).await;
        assert_eq!((both.len(), &both[0]), (2, &first));
        let second = both[1].clone();
        advance(&app, HOUR - MEMORY - 1);
        let last = app.token("john", PASSWORD).await;
        assert_eq!(kid(&last), first, "the new key signs within its first hour");
        advance(&app, MEMORY);
        let new = app.token("john", PASSWORD).await;
        assert_eq!(kid(&new), second);
        for token in [&token, &last, &new] {
            assert_eq!(status(&app, &user, token).await, 200);
        }
        // The old key's last token dies of old age, while its key is still published.
        advance(&app, 14 * DAY - MEMORY);
        assert_eq!(status(&app, &user, &last).await, 401);
        assert_eq!(published(&app).await, [first.clone(), second.clone()]);
        // Whoever stole the old key can forge with it until it is taken out, and not a second longer.
        let fresh = app.token("john", PASSWORD).await;
        let mut header = part(&fresh, 0);
        header["kid"] = json!(first);
        let forged = old.sign(&header.to_string(), &part(&fresh, 1).to_string());
        let gone_at = rotated_at + HOUR + MEMORY + 14 * DAY + 5;
        advance(&app, gone_at - app.now() - 1);
        assert_eq!(status(&app, &user, &forged).await, 200);
        assert_eq!(published(&app).await, [first.clone(), second.clone()]);
        advance(&app, 1);
        assert_eq!(status(&app, &user, &forged).await, 401);
        assert_eq!(app.log_out(&forged).await.status, 401);
        assert_eq!(published(&app).await, [second]);
        assert_eq!(status(&app, &user, &fresh).await, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_third_key_follows_the_second_and_the_first_is_forgotten() {
        let app = TestApp::start().await;
        let first = kid(&app.sign_up("john").await.token);
        advance(&app, 30 * DAY);
        app.token("john", PASSWORD).await;
        advance(&app, 31 * DAY);
        let second = kid(&app.token("john", PASSWORD).await);
        advance(&app, HOUR + MEMORY);
        let third = kid(&app.token("john", PASSWORD).await);
        assert_eq!(published(&app).await, [second.clone(), third.clone()]);
        assert!(first != second && second != third);
        let tables = Tables::of(&app);
        let signing = tables.item("KeysTable", "signing").await.unwrap();
        let private = signing["keys"].as_array().unwrap();
        assert_eq!(
            private
                .iter()
                .map(|key| key["kid"].clone())
                .collect::<Vec<_>>(),
            [json!(second), json!(third)]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_cold_signers_one_makes_the_key_and_both_tokens_are_good_at_once() {
        let app = TestApp::start().await;
        // This verifier starts before there is any key, and looks for one that will never be.
        assert_eq!(
            app.get("/api/users/1", &Minter::stranger_token())
                .await
                .status,
            401
        );
        assert_eq!(published(&app).await, [""; 0]);
        app.proxy.calls();
        slow_down_stores(&app);
        let (john, jane) = tokio::join!(app.sign_up("john"), app.sign_up("jane"));
        let stored = app
            .proxy
            .calls()
            .iter()
            .filter(|call| call.is_write() && is_about_keys(call))
            .count();
        assert!(stored >= 2, "one of them was too late to find none");
        assert_eq!(kid(&john.token), kid(&jane.token));
        assert_eq!(published(&app).await, [kid(&john.token)]);
        for user in [&john, &jane] {
            assert_eq!(app.details(user).await.status, 200);
        }
        assert_eq!(Tables::of(&app).all("KeysTable").await.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_signers_that_replace_a_key_one_wins_and_both_tokens_are_good() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        advance(&app, 30 * DAY);
        slow_down_stores(&app);
        app.proxy.calls();
        let (token, jane) = tokio::join!(app.token("john", PASSWORD), app.sign_up("jane"));
        let stored = app
            .proxy
            .calls()
            .iter()
            .filter(|call| call.is_write() && is_about_keys(call))
            .count();
        assert!(stored >= 2, "one of them was too late to find none");
        assert_eq!(published(&app).await.len(), 2);
        assert_eq!(status(&app, &user, &token).await, 200);
        assert_eq!(app.details(&jane).await.status, 200);
        advance(&app, HOUR + MEMORY);
        let (token, jean) = tokio::join!(app.token("john", PASSWORD), app.sign_up("jean"));
        assert_eq!(kid(&token), kid(&jean.token));
        assert_eq!(published(&app).await[1], kid(&token));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_that_knows_other_keys_learns_a_new_one_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        // The keys are lost, so that a signer that starts now makes others.
        let tables = Tables::of(&app);
        tables.delete("KeysTable", "signing").await;
        tables.delete("KeysTable", "jwks").await;
        let token = app.token("john", PASSWORD).await;
        assert_ne!(kid(&token), kid(&user.token));
        assert_eq!(status(&app, &user, &token).await, 200);
        // What the lost key signed is refused as soon as the set was read again.
        assert_eq!(status(&app, &user, &user.token).await, 401);
        assert_eq!(app.log_out(&user.token).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_is_taken_back_ends_its_tokens_within_five_minutes() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        Tables::of(&app).delete("KeysTable", "jwks").await;
        advance(&app, MEMORY);
        assert_eq!(
            app.details(&user).await.problem(),
            problem(401, "not_authenticated")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signers_and_verifiers_remember_their_keys_for_five_minutes() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        app.proxy.calls();
        advance(&app, MEMORY - 1);
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        assert_eq!(key_calls(&app), 0);
        advance(&app, 1);
        app.details(&user).await;
        app.token("john", PASSWORD).await;
        assert_eq!(key_calls(&app), 2);
    }
}

/// Has keys be stored so slowly that everybody else has looked for them before.
fn slow_down_stores(app: &TestApp) {
    app.proxy.rule(|call| {
        if call.is_write() && is_about_keys(call) {
            Fate::Delay(Duration::from_millis(500))
        } else {
            Fate::Pass
        }
    });
}

mod case_03_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn names_of_keys_that_do_not_exist_cost_one_read_in_ten_seconds() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        for (seconds, reads) in [(0, 1), (1, 0), (8, 0), (1, 1), (9, 0), (1, 1)] {
            advance(&app, seconds);
            for _ in 0..10 {
                assert_eq!(status(&app, &user, &Minter::stranger_token()).await, 401);
            }
            assert_eq!(key_calls(&app), reads, "{seconds} s later");
        }
        // Names that no key can have cost none, and good tokens stay good.
        advance(&app, 10);
        let minter = Minter::of(&app).await;
        for name in [
            "",
            "x",
            "../jwks",
            &"a".repeat(42),
            &"a".repeat(44),
            &"!".repeat(43),
        ] {
            let mut header = part(&user.token, 0);
            header["kid"] = json!(name);
            let token = minter.sign(&header.to_string(), &part(&user.token, 1).to_string());
            assert_eq!(status(&app, &user, &token).await, 401);
        }
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(key_calls(&app), 0);
    }
}

mod case_38_lost_answers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_is_good_though_the_answer_to_its_making_was_lost() {
        let app = TestApp::start().await;
        app.proxy.once("TransactWriteItems", Fate::CutAfter);
        let user = app.sign_up("john").await;
        assert_eq!(published(&app).await, [kid(&user.token)]);
        assert_eq!(app.details(&user).await.status, 200);
        advance(&app, 30 * DAY);
        app.proxy.once("TransactWriteItems", Fate::CutAfter);
        let token = app.token("john", PASSWORD).await;
        assert_eq!(kid(&token), kid(&user.token));
        assert_eq!(status(&app, &user, &token).await, 200);
        advance(&app, HOUR + MEMORY);
        let token = app.token("john", PASSWORD).await;
        let both = published(&app).await;
        assert_eq!(both, [kid(&user.token), kid(&token)]);
    }
}

/// Has every call that is about keys fail.
fn hide_keys(app: &TestApp, fate: Fate) {
    app.proxy.rule(move |call| {
        if is_about_keys(call) {
            fate.clone()
        } else {
            Fate::Pass
        }
    });
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.problem(), problem(503, "unavailable"), "{answer:?}");
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

mod case_41_unreadable_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signer_that_cannot_read_the_keys_signs_nobody_up_and_tries_again() {
        let app = TestApp::start().await;
        let body = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
        for fate in [
            error(400, "ThrottlingException"),
            error(500, "InternalServerError"),
            Fate::CutBefore,
        ] {
            hide_keys(&app, fate);
            assert_unavailable(&app.post("/auth/signup", &body).await);
        }
        let tables = Tables::of(&app);
        assert_eq!(tables.all("UsersTable").await, [Value::Null; 0]);
        assert_eq!(tables.all("KeysTable").await, [Value::Null; 0]);
        app.proxy.heal();
        let user = app.sign_up("john").await;
        hide_keys(&app, error(400, "ThrottlingException"));
        assert_unavailable(&app.log_in("john", PASSWORD).await);
        assert_eq!(
            tables.user(user.id).await["sessions"]
                .as_object()
                .unwrap()
                .len(),
            1
        );
        app.proxy.heal();
        let token = app.token("john", PASSWORD).await;
        assert_eq!(status(&app, &user, &token).await, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_that_cannot_read_the_keys_lets_nobody_in_and_tries_again() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let change = json!({"current-password": PASSWORD, "first_name": "John"});
        for fate in [
            error(400, "ThrottlingException"),
            error(500, "InternalServerError"),
            Fate::CutBefore,
        ] {
            hide_keys(&app, fate);
            assert_unavailable(&app.details(&user).await);
            assert_unavailable(&app.update(&user.token, &change).await);
            assert_unavailable(&app.log_out(&user.token).await);
            assert_unavailable(&app.get("/.well-known/jwks.json", "").await);
        }
        app.proxy.heal();
        let details = app.details(&user).await;
        assert_eq!(
            (details.status, &details.json()["first_name"]),
            (200, &json!(""))
        );
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
        assert_eq!(app.log_out(&user.token).await.status, 204);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verifier_that_knows_the_keys_goes_on_with_them_while_they_cannot_be_read() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
        advance(&app, HOUR);
        hide_keys(&app, error(500, "InternalServerError"));
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(published(&app).await.len(), 1);
    }
}
