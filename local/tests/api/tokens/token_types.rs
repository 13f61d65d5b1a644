//! Session tokens, access tokens and reset tokens in each other's place.

use crate::support::{
    access_tokens::{Service, access_token, algorithm},
    app::{OTHER_PASSWORD, TestApp},
    response::problem,
    token_forge::{TokenForge, TokenParts, assert_token_rejected, part, with},
};
use serde_json::json;

mod case_06_token_types {
    use super::*;

    /// An access token of either algorithm is rejected by every endpoint, although its `typ` is that of the session tokens of
    /// version 0.1.0.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_access_token_is_no_session_token() {
        for name in ["RS256", "ES256"] {
            let app = TestApp::with_settings(&[("AccessTokenAlgorithm", name)]).await;
            let user = app.sign_up("john").await;
            let token = access_token(&app, &user.token).await;
            assert_eq!(algorithm(&token), name);
            assert_token_rejected(&app, &user, name, &token).await;
            let response = app.complete(&token, OTHER_PASSWORD).await;
            assert_eq!(response.problem(), problem(400, "invalid_token"));
            assert_eq!(app.details(&user).await.status, 200);
        }
    }

    /// Type, issuer and audience each suffice to tell a session token from an access token.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_token_is_no_access_token() {
        for name in ["RS256", "ES256"] {
            let app = TestApp::with_settings(&[("AccessTokenAlgorithm", name)]).await;
            let user = app.sign_up("john").await;
            let access = access_token(&app, &user.token).await;
            let service = Service::start(&app, "api").await;
            assert!(service.verify(&access, app.now()).is_some());
            assert_eq!(service.verify(&user.token, app.now()), None);
            for (index, name) in [(0, "typ"), (0, "kid"), (1, "iss"), (1, "aud")] {
                let [ours, other] = [&user.token, &access].map(|token| part(token, index));
                assert_ne!(ours[name], other[name], "{name}");
            }
        }
    }

    /// The key of access tokens signs what looks like a session token, and the key of session tokens an access token's claims.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_keys_of_one_kind_sign_nothing_of_the_other() {
        let app = TestApp::with_settings(&[("AccessTokenAlgorithm", "ES256")]).await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        let session_parts = TokenParts::of(&app, &user.token).await;
        let access_forge = TokenForge::of_access_tokens(&app).await;
        for typ in ["session+jwt", "at+jwt"] {
            let header = json!({"alg": "ES256", "typ": typ, "kid": access_forge.kid});
            let forged = access_forge.sign(&header.to_string(), &session_parts.claims.to_string());
            assert_token_rejected(&app, &user, typ, &forged).await;
            // Under the id of the session key, too.
            let header = with(&header, "kid", session_parts.header["kid"].clone());
            let forged = access_forge.sign(&header, &session_parts.claims.to_string());
            assert_token_rejected(&app, &user, typ, &forged).await;
            // The session key with the claims of an access token.
            let header = with(&session_parts.header, "typ", json!(typ));
            let forged = session_parts
                .forge
                .sign(&header, &part(&access, 1).to_string());
            assert_token_rejected(&app, &user, typ, &forged).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

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
