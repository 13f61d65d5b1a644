//! `POST /api/passwords/reset_password_complete`: expired links and incomplete items.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    password_reset::{assert_completed, assert_invalid, assert_unchanged, hold_completion},
    response::problem,
    tables::TRANSIENT,
    times::{COOL_DOWN, DAY, LINK_LIFETIME, SECOND},
};

mod case_23_link_expiry {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn links_expire_even_if_the_item_remains() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        let jane = app.sign_up("jane").await;
        let (johns, janes) = (
            app.reset_token("john@example.com").await,
            app.reset_token("jane@example.com").await,
        );
        app.advance(LINK_LIFETIME.saturating_sub(SECOND));
        assert_completed(&app.complete(&johns, OTHER_PASSWORD).await);
        app.mail();
        app.advance(2 * SECOND);
        // DynamoDB deletes expired items later.
        let key = format!("reset#{}", jane.id);
        assert!(app.tables().item(TRANSIENT, &key).await.is_some());
        assert_invalid(&app.complete(&janes, OTHER_PASSWORD).await);
        assert_eq!(app.log_in("jane", PASSWORD).await.status, 200);
        app.token("john", OTHER_PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_that_expires_during_use_is_rejected() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        // The item changes between the read and the condition of the transaction.
        let tables = app.tables();
        let key = format!("reset#{}", user.id);
        let mut item = tables.item(TRANSIENT, &key).await.unwrap();
        item["expires_at"] = json!(app.now());
        let gate = hold_completion(&app);
        let meanwhile = gate.during(tables.put(TRANSIENT, &item));
        let (response, ()) = tokio::join!(app.complete(&token, OTHER_PASSWORD), meanwhile);
        assert_invalid(&response);
        assert_unchanged(&app, &user).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_item_without_expiry_is_rejected() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let key = format!("reset#{}", user.id);
        app.tables()
            .remove_attribute(TRANSIENT, &key, "expires_at")
            .await;
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_unchanged(&app, &user).await;
        // It does not prevent a new link.
        app.advance(COOL_DOWN);
        let token = app.reset_token("john@example.com").await;
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_link_works_until_the_last_second() {
        for (wait, works) in [
            (LINK_LIFETIME.saturating_sub(SECOND), true),
            (LINK_LIFETIME, false),
            (LINK_LIFETIME + SECOND, false),
            (30 * DAY, false),
        ] {
            let app = TestApp::without_source_limits().await;
            app.sign_up("john").await;
            let link = app.reset_token("john@example.com").await;
            app.advance(wait);
            let response = app.complete(&link, OTHER_PASSWORD).await;
            if works {
                assert_eq!(response.status, 201);
                app.mail();
            } else {
                assert!(response.problem() == problem(400, "invalid_token"));
                // A new link works.
                let link = app.reset_token("john@example.com").await;
                assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
                app.mail();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_incomplete_item_is_rejected_and_replaced() {
        for name in ["hash", "nonce", "credentials", "expires_at"] {
            let app = TestApp::without_source_limits().await;
            let user = app.sign_up("john").await;
            let link = app.reset_token("john@example.com").await;
            let key = format!("reset#{}", user.id);
            app.tables().remove_attribute(TRANSIENT, &key, name).await;
            let response = app.complete(&link, OTHER_PASSWORD).await;
            assert!(
                response.problem() == problem(400, "invalid_token"),
                "{name}"
            );
            let empty = format!("{}-{}", link.split('-').next().unwrap(), "0".repeat(40));
            assert!(
                app.complete(&empty, OTHER_PASSWORD).await.problem()
                    == problem(400, "invalid_token")
            );
            app.advance(COOL_DOWN);
            let link = app.reset_token("john@example.com").await;
            assert_eq!(
                app.complete(&link, OTHER_PASSWORD).await.status,
                201,
                "{name}"
            );
            app.mail();
        }
    }
}
