//! `POST /auth/login`: stored password hashes.

use serde_json::json;
use shared::domain::password::Params;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, WRONG_PASSWORD},
    response::{field_error, problem},
    tables::USERS,
};

/// A hash of [`PASSWORD`] with these parameters.
async fn hash(params: Params) -> String {
    let app = TestApp::with_params(&[], params).await;
    let user = app.sign_up("john").await;
    app.tables().user(user.id).await["password_hash"]
        .as_str()
        .unwrap()
        .to_owned()
}

mod case_32_stored_hashes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_weaker_hash_is_upgraded() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
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
        let stronger = strong.tables();
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
        assert_eq!(strong.log_in("john", WRONG_PASSWORD).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn absurd_and_broken_hashes_never_match() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
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
                "the cost is that of any wrong password"
            );
            let change = json!({"current-password": PASSWORD, "first_name": "J"});
            let response = app.update(&user.token, &change).await;
            assert_eq!(
                response.field_error(),
                field_error("current-password", "incorrect")
            );
            for counter in ["failures", "current_password_failures"] {
                tables
                    .remove_attribute(USERS, &format!("user#{}", user.id), counter)
                    .await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_correct_password_upgrades_a_hash() {
        let of = |m_cost, t_cost, p_cost| Params {
            m_cost,
            t_cost,
            p_cost,
        };
        let app = TestApp::with_params(&[("SOURCE_LIMITS", "off")], of(128, 2, 1)).await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
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
            assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
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
            let read = app.details_with(&user, &session).await;
            assert_eq!(read.status, 200, "the session stays valid");
            session = app.token("john", PASSWORD).await;
            assert_eq!(app.log_in("john", WRONG_PASSWORD).await.status, 401);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_replaces_a_foreign_hash() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let tables = app.tables();
        let valid = tables.user(user.id).await["password_hash"]
            .as_str()
            .unwrap()
            .to_owned();
        for bad in [
            String::new(),
            PASSWORD.to_owned(),
            "!".to_owned(),
            format!("{valid}$"),
            format!(" {valid}"),
            valid.replace("argon2id", "argon2i"),
            valid.replace("argon2id", "ARGON2ID"),
            valid.replace("v=19", "v=16"),
            valid.replace("m=64", "m=4294967295"),
            valid.replace("m=64", "m=65537"),
            valid.replace("m=64", "m=1"),
            valid.replace("t=1", "t=4294967295"),
            valid.replace("t=1", "t=0"),
            valid.replace("p=1", "p=16777215"),
            valid[..valid.len() - 1].to_owned(),
            valid[..=valid.rfind('$').unwrap()].to_owned(),
            "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234".to_owned(),
            "x".repeat(100_000),
        ] {
            tables.set(user.id, "password_hash", &bad).await;
            for password in [PASSWORD, "", &bad[..bad.len().min(512)]] {
                let response = app.log_in("john", password).await;
                assert_eq!(response.problem(), problem(401, "invalid_credentials"));
            }
            let change = json!({"current-password": PASSWORD, "first_name": "J"});
            let response = app.update(&user.token, &change).await;
            assert_eq!(
                response.field_error(),
                field_error("current-password", "incorrect")
            );
            for counter in ["failures", "current_password_failures"] {
                tables
                    .remove_attribute(USERS, &format!("user#{}", user.id), counter)
                    .await;
            }
        }
        let link = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
        app.token("john", OTHER_PASSWORD).await;
    }
}
