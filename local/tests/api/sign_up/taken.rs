//! `POST /auth/signup`: addresses, usernames and ids that are in use.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, with_current_password},
    paths::SIGN_UP,
    proxy::cancelled,
    response::{field_error, problem},
    scenario::Scenario,
};

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn taken_names_are_rejected_in_any_case() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        let email =
            json!({"username": "other", "email": "JOHN@example.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(SIGN_UP, &email).await.field_error(),
            field_error("email", "taken")
        );
        let username =
            json!({"username": "JOHN", "email": "other@example.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(SIGN_UP, &username).await.field_error(),
            field_error("username", "taken")
        );
        let both =
            json!({"username": "John", "email": "john@EXAMPLE.com", "password": OTHER_PASSWORD});
        assert_eq!(
            app.post(SIGN_UP, &both).await.field_errors(),
            [
                field_error("username", "taken"),
                field_error("email", "taken")
            ]
        );
        // The rejected sign-ups left nothing behind.
        app.sign_up("other").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_freed_address_is_available_at_once() {
        let app = TestApp::without_source_limits().await;
        let john = app.sign_up("john").await;
        let link = app.reset_token("john@example.com").await;
        let change = with_current_password(json!({"email": "johnny@example.com"}));
        assert_eq!(app.update(&john.token, &change).await.status, 200);
        app.mail();
        let next = app
            .try_sign_up("next", "John@Example.com", OTHER_PASSWORD)
            .await;
        assert_eq!(next.status, 201);
        // The old link is invalid for both users, and the new user has no cool-down.
        assert_eq!(
            app.complete(&link, "a third one altogether")
                .await
                .problem(),
            problem(400, "invalid_token")
        );
        let link = app.reset_token("john@example.com").await;
        assert_eq!(
            app.complete(&link, "a third one altogether").await.status,
            201
        );
        app.mail();
        app.token("next", "a third one altogether").await;
        app.token("john", PASSWORD).await;
        // The former address now belongs to another user.
        let back = with_current_password(json!({"email": "john@example.com"}));
        assert_eq!(
            app.update(&john.token, &back).await.field_error(),
            field_error("email", "taken")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_taken_id_is_replaced_by_another() {
        let scenario = Scenario::start().await;
        let taken = cancelled(&["ConditionalCheckFailed", "None", "None"]);
        scenario.app.proxy.once("TransactWriteItems", taken);
        let response = scenario.request("sign_up").await;
        scenario.check_done("sign_up", &response).await;
    }
}
