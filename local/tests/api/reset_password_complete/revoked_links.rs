//! `POST /api/passwords/reset_password_complete`: account changes that revoke a link.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    password_reset::{assert_completed, assert_invalid, assert_unchanged, hold_completion},
    response::problem,
    tables::USERS,
};

mod case_26_revoked_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_password_revokes_the_link() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        assert_invalid(&app.complete(&token, PASSWORD).await);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
        assert_eq!(
            app.details(&user).await.status,
            200,
            "the session that made the change stays"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_a_different_address_revokes_the_link() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let change = json!({"current-password": PASSWORD, "email": "johnny@example.com"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        app.mail();
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_eq!(app.log_in("john", PASSWORD).await.status, 200);
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        let token = app.reset_token("johnny@example.com").await;
        let change = json!({"current-password": PASSWORD, "email": "Johnny@Example.com", "first_name": "John"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        assert_completed(&app.complete(&token, OTHER_PASSWORD).await);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_concurrent_password_change_wins() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let gate = hold_completion(&app);
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        let meanwhile = gate.during(app.update(&user.token, &change));
        let third = "a third password altogether";
        let (response, changed) = tokio::join!(app.complete(&token, third), meanwhile);
        assert_eq!(changed.status, 200);
        assert_invalid(&response);
        assert_eq!(app.log_in("john", third).await.status, 401);
        app.token("john", OTHER_PASSWORD).await;
        assert_eq!(app.details(&user).await.status, 200);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_deleted_account_stays_deleted() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        app.tables().delete_user(&user).await;
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_eq!(app.request_reset("john@example.com").await.status, 404);
        assert!(app.tables().all(USERS).await.is_empty());
        // The link is invalid for a new user with the same address, too.
        let next = app.sign_up("john").await;
        assert_invalid(&app.complete(&token, OTHER_PASSWORD).await);
        assert_unchanged(&app, &next).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_deleted_during_use_stays_deleted() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let gate = hold_completion(&app);
        let tables = app.tables();
        let meanwhile = gate.during(tables.delete_user(&user));
        let (response, ()) = tokio::join!(app.complete(&token, OTHER_PASSWORD), meanwhile);
        assert_invalid(&response);
        assert!(app.tables().all(USERS).await.is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn restoring_the_address_does_not_restore_the_link() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        assert_eq!(
            app.change(&user.token, json!({"email": "johnny@example.com"}))
                .await
                .status,
            200
        );
        assert_eq!(
            app.change(&user.token, json!({"email": "john@example.com"}))
                .await
                .status,
            200
        );
        app.unread_mails();
        assert!(
            app.complete(&link, OTHER_PASSWORD).await.problem() == problem(400, "invalid_token")
        );
        app.token("john", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn restoring_the_password_does_not_restore_the_link() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        assert_eq!(
            app.change(&user.token, json!({"password": OTHER_PASSWORD}))
                .await
                .status,
            200
        );
        let back = json!({"current-password": OTHER_PASSWORD, "password": PASSWORD});
        assert_eq!(app.update(&user.token, &back).await.status, 200);
        app.unread_mails();
        assert!(
            app.complete(&link, OTHER_PASSWORD).await.problem() == problem(400, "invalid_token")
        );
        app.token("john", PASSWORD).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn log_ins_do_not_revoke_the_link() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let session = app.token("john", PASSWORD).await;
        assert_eq!(app.log_out(&session).await.status, 204);
        for _ in 0..6 {
            app.log_in("john", OTHER_PASSWORD).await;
        }
        app.advance(Duration::from_mins(1));
        assert_eq!(
            app.change(&user.token, json!({"last_name": "Doe"}))
                .await
                .status,
            200
        );
        assert_eq!(app.complete(&link, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }
}
