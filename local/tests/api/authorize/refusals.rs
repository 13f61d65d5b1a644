//! Refused requests.

use serde_json::{Value, json};

use crate::support::{
    access_tokens::{access_token, request_access_token},
    app::{OTHER_PASSWORD, PASSWORD, TestApp},
    authorizer::{Api, assert_accepted, assert_refused, authorize, authorize_event},
    operator::Operator,
    paths::DELETE_ACCOUNT,
    times::{DAY, SECOND},
    token_forge::{TokenForge, encode, part, sign_hs256, with, without},
};

mod case_64_authorizer {
    use super::*;

    /// Each is seen in the very next call.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_ended_session_is_refused_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let out = app.token("john", PASSWORD).await;
        assert_accepted(&app, "before the log-out", user.id, &out).await;
        assert_eq!(app.log_out(&out).await.status, 204);
        assert_refused(&app, "after the log-out", &out).await;

        let before = app.token("john", PASSWORD).await;
        let change = json!({"password": OTHER_PASSWORD});
        assert_eq!(app.change(&user.token, change).await.status, 200);
        assert_refused(&app, "after a new password", &before).await;
        assert_accepted(&app, "the session that changed it", user.id, &user.token).await;

        Operator::of(&app).disable(user.id).await;
        assert_refused(&app, "of a disabled user", &user.token).await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_tokens_of_a_deleted_user_end() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        assert_accepted(&app, "before the deletion", user.id, &user.token).await;
        let request = app
            .request(reqwest::Method::POST, DELETE_ACCOUNT)
            .header("authorization", format!("Bearer {}", user.token))
            .json(&json!({"current-password": PASSWORD}));
        assert_eq!(app.send(request).await.status, 204);
        assert_refused(&app, "a session token", &user.token).await;
        // By signature alone, for five minutes at most.
        assert_accepted(&app, "an access token", user.id, &access).await;
        app.advance(5 * 60 * SECOND);
        assert_refused(&app, "an access token after five minutes", &access).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tokens_expire_to_the_second() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        app.advance(299 * SECOND);
        assert_accepted(&app, "an access token in time", user.id, &access).await;
        app.advance(SECOND);
        assert_refused(&app, "an access token too late", &access).await;
        app.advance(14 * DAY - 301 * SECOND);
        assert_accepted(&app, "a session token in time", user.id, &user.token).await;
        app.advance(SECOND);
        assert_refused(&app, "a session token too late", &user.token).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_audiences_of_the_setting_are_accepted() {
        let app = TestApp::with_settings(&[
            ("ACCESS_TOKEN_AUDIENCES", "api,orders,billing"),
            ("AUTHORIZER_AUDIENCES", "orders,billing"),
        ])
        .await;
        let user = app.sign_up("john").await;
        for (audience, is_accepted) in [("api", false), ("orders", true), ("billing", true)] {
            let body = json!({"audience": audience});
            let response = request_access_token(&app, &user.token, &body).await;
            let token = response.json()["access_token"].as_str().unwrap().to_owned();
            if is_accepted {
                assert_accepted(&app, audience, user.id, &token).await;
            } else {
                assert_refused(&app, audience, &token).await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn forged_access_tokens_are_refused() {
        let app = TestApp::with_settings(&[
            ("AccessTokenAlgorithm", "ES256"),
            ("Issuer", "https://id.example.com"),
        ])
        .await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        let (header, claims) = (part(&token, 0), part(&token, 1));
        let forge = TokenForge::of_access_tokens(&app).await;
        let sign = |header: &str, claims: &str| forge.sign(header, claims);
        let control = sign(&header.to_string(), &claims.to_string());
        assert_accepted(&app, "the control", user.id, &control).await;
        for (name, value) in [
            ("typ", json!("JWT")),
            ("typ", json!("session+jwt")),
            ("typ", Value::Null),
            ("alg", json!("none")),
            ("alg", json!("RS256")),
            ("kid", part(&user.token, 0)["kid"].clone()),
            ("kid", json!("unknown")),
            ("crit", json!(["exp"])),
            ("jku", json!("http://127.0.0.1:1/jwks.json")),
            ("jwk", forge.jwk()),
        ] {
            let forged = sign(&with(&header, name, value), &claims.to_string());
            assert_refused(&app, &format!("header {name}"), &forged).await;
        }
        for (name, value) in [
            ("iss", json!("https://id.example.org")),
            ("aud", json!("latchkey")),
            ("aud", json!(["api"])),
            ("sub", json!("0")),
            ("sub", json!(user.id)),
            ("exp", json!(app.now())),
            ("exp", json!("9999999999")),
            ("iat", json!(app.now() + 3600)),
            ("roles", json!("admin")),
        ] {
            let forged = sign(&header.to_string(), &with(&claims, name, value));
            assert_refused(&app, &format!("claim {name}"), &forged).await;
        }
        for name in ["iss", "sub", "aud", "iat", "exp", "auth_time"] {
            let forged = sign(&header.to_string(), &without(&claims, name));
            assert_refused(&app, &format!("no {name}"), &forged).await;
        }
        // Neither key signs what the other one may.
        let session_forge = TokenForge::of(&app).await;
        let forged = session_forge.sign(&header.to_string(), &claims.to_string());
        assert_refused(&app, "the key of session tokens", &forged).await;
        let own_id = with(&header, "kid", json!(session_forge.kid));
        let forged = session_forge.sign(&own_id, &claims.to_string());
        assert_refused(&app, "the key of session tokens by its id", &forged).await;
        let session = part(&user.token, 1).to_string();
        assert_refused(
            &app,
            "claims of a session",
            &sign(&header.to_string(), &session),
        )
        .await;
        let hmac = with(&header, "alg", json!("HS256"));
        let forged = sign_hs256(forge.pem().as_bytes(), &hmac, &claims.to_string());
        assert_refused(&app, "the public key as an HMAC secret", &forged).await;
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_refused(&app, "no signature", &format!("{signed}.")).await;
        assert_refused(
            &app,
            "another signature",
            &format!("{signed}.{}", encode([1; 64])),
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn anything_but_one_token_is_refused() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = &user.token;
        let long = "x".repeat(9000);
        let listed = format!("{token},Bearer {token}");
        let garbage = [
            "", " ", ".", "..", "a.b.c", "\u{0}", "é.é.é", &long, &listed,
        ];
        for text in garbage {
            assert_refused(&app, text, text).await;
        }
        let header = |token: &str| format!("Authorization: Bearer {token}");
        assert_refused(&app, "a whole header", &header(token)).await;

        let mut none = Api::Http.event(token);
        none["identitySource"] = json!([]);
        assert_eq!(authorize_event(&app, Api::Http, &none).await, None);
        let mut two = Api::WebSocket.event(token);
        two["multiValueHeaders"]["Authorization"] = json!([format!("Bearer {token}"), "Bearer x"]);
        assert_eq!(authorize_event(&app, Api::WebSocket, &two).await, None);
        // No lookup is made for any of them.
        app.proxy.calls();
        assert_eq!(authorize(&app, Api::Rest, "a.b.c").await, None);
        assert_eq!(app.proxy.calls().len(), 0);
    }
}
