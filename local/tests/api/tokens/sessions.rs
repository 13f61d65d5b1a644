//! The session that a token belongs to.

use serde_json::json;

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    tables::USERS,
    token_forge::{TokenParts, assert_token_rejected, part},
};

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_belongs_to_one_user() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let parts = TokenParts::of(&app, &user.token).await;
        let swapped = parts.with_claim("sub", json!(other.id.to_string()));
        assert_token_rejected(&app, &other, "another's sub with one's own jti", &swapped).await;
        let swapped = parts.with_claim("jti", part(&other.token, 1)["jti"].clone());
        assert_token_rejected(&app, &user, "one's own sub with another's jti", &swapped).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tokens_of_a_deleted_user_are_rejected() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let tables = app.tables();
        for key in [
            format!("user#{}", user.id),
            "email#john@example.com".to_owned(),
            "username#john".to_owned(),
        ] {
            tables.delete(USERS, &key).await;
        }
        assert_token_rejected(&app, &user, "of a deleted user", &user.token).await;
        assert_eq!(tables.item(USERS, &format!("user#{}", user.id)).await, None);
        assert_eq!(app.details(&other).await.status, 200);
        // A new user with the same names is a different user.
        let new = app.sign_up("john").await;
        assert_token_rejected(&app, &new, "of the previous user", &user.token).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_ended_session_is_rejected_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let second = app.token("john", PASSWORD).await;
        let third = app.token("john", PASSWORD).await;
        let own = format!("/api/users/{}", user.id);
        assert_eq!(app.log_out(&user.token).await.status, 204);
        assert_token_rejected(&app, &user, "signed out", &user.token).await;
        assert_eq!(app.get(&own, &second).await.status, 200);
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&second, &change).await.status, 200);
        app.mail();
        assert_token_rejected(&app, &user, "from before the change", &third).await;
        assert_eq!(app.get(&own, &second).await.status, 200);
        let reset = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&reset, PASSWORD).await.status, 201);
        app.mail();
        assert_token_rejected(&app, &user, "from before the reset", &second).await;
        let fourth = app.token("john", PASSWORD).await;
        assert_eq!(app.get(&own, &fourth).await.status, 200);
    }
}
