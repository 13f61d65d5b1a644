//! Session tokens and reset tokens in each other's place.

use crate::support::{
    app::{OTHER_PASSWORD, TestApp},
    response::problem,
    token_forge::{TokenParts, assert_token_rejected, part},
};
use serde_json::json;

mod case_06_token_types {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn tokens_of_the_earlier_type_remain_valid() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        assert_eq!(parts.header["typ"], "session+jwt");
        let earlier = parts.with_header("typ", json!("at+jwt"));
        assert_eq!(app.details_with(&user, &earlier).await.status, 200);
        let other = parts.with_header("typ", json!("JWT"));
        assert_token_rejected(&app, &user, "another type", &other).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn session_and_reset_tokens_are_not_interchangeable() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let reset = app.reset_token("john@example.com").await;
        assert_token_rejected(&app, &user, "a reset token", &reset).await;
        let (_, secret) = reset.split_once('-').unwrap();
        assert_token_rejected(&app, &user, "a reset token's secret", secret).await;
        let response = app.complete(&user.token, OTHER_PASSWORD).await;
        assert_eq!(response.problem(), problem(400, "invalid_token"));
        let jti = part(&user.token, 1)["jti"].as_str().unwrap().to_owned();
        let (id, _) = reset.split_once('-').unwrap();
        let response = app.complete(&format!("{id}-{jti}"), OTHER_PASSWORD).await;
        assert_eq!(response.problem(), problem(400, "invalid_token"));
        // Neither token was consumed.
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reset_token_is_no_session_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = app.reset_token("john@example.com").await;
        let response = app.details_with(&user, &token).await;
        assert_eq!(response.problem(), problem(401, "not_authenticated"));
    }
}
