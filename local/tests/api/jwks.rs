//! `GET /.well-known/jwks.json` and `GET /.well-known/openid-configuration`.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    access_tokens::access_token,
    app::TestApp,
    paths::DISCOVERY,
    signing_keys::{jwks, published},
    token_forge::{TokenForge, decode, part, thumbprint, verifies},
};

mod case_07_signing_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn there_are_no_keys_before_the_first_sign_up() {
        let app = TestApp::start().await;
        let response = jwks(&app).await;
        assert_eq!(response.text, r#"{"keys":[]}"#);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/json"));
        // Verifiers do not cache an empty set.
        app.sign_up("john").await;
        assert_eq!(published(&app).await.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn published_keys_verify_tokens() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = jwks(&app).await;
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        // Also to a request without an origin: a cache may give its response to a page.
        assert_eq!(response.header("vary"), Some("Origin"));
        let key = response.json()["keys"][0].clone();
        assert!(verifies(&key, &user.token));
        assert_eq!(key["kid"], thumbprint(&key));
        assert_eq!(
            part(&user.token, 0),
            json!({"alg": "ES256", "typ": "session+jwt", "kid": key["kid"]})
        );
        let point = json!({"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"]});
        let mut whole = point.clone();
        whole.as_object_mut().unwrap().extend([
            ("kid".to_owned(), key["kid"].clone()),
            ("alg".to_owned(), json!("ES256")),
            ("use".to_owned(), json!("sig")),
        ]);
        // No other members, so no private part.
        assert_eq!(response.json(), json!({"keys": [whole]}));
        assert_eq!(point, TokenForge::of(&app).await.jwk());
        let claims = part(&user.token, 1);
        assert_eq!(claims["sub"], user.id.to_string());
        assert_eq!(claims.as_object().unwrap().len(), 6);
    }

    /// The first key of access tokens signs at once, so that a cache without it would refuse tokens.
    #[tokio::test(flavor = "multi_thread")]
    async fn keys_are_cacheable_from_the_first_access_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let caching = async || {
            let response = jwks(&app).await;
            response.header("cache-control").unwrap().to_owned()
        };
        assert_eq!(caching().await, "no-store");
        access_token(&app, &user.token).await;
        assert_eq!(caching().await, "public, max-age=300");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn both_kinds_of_key_are_published() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        let keys = jwks(&app).await.json()["keys"].take();
        let [access, session] = keys.as_array().unwrap().as_slice() else {
            panic!("{keys}")
        };
        assert_eq!(access["kid"], part(&token, 0)["kid"]);
        assert_eq!(session["kid"], part(&user.token, 0)["kid"]);
        let (n, e) = (&access["n"], &access["e"]);
        // 256 bytes without leading zeros, and 65537.
        assert_eq!(decode(n.as_str().unwrap()).len(), 256);
        assert!(decode(n.as_str().unwrap())[0] >= 0x80);
        assert_eq!(e, "AQAB");
        // No other members, so no private part.
        assert_eq!(
            access,
            &json!({"kty": "RSA", "n": n, "e": e, "kid": access["kid"], "alg": "RS256", "use": "sig"})
        );
    }
}

mod case_61_discovery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_document_states_what_holds() {
        let app = TestApp::with_settings(&[("ACCESS_TOKEN_CLAIMS", "username")]).await;
        let response = app.send(app.request(Method::GET, DISCOVERY)).await;
        assert_eq!(response.status, 200);
        let issuer = app.url("");
        assert_eq!(
            response.json(),
            json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                "claims_supported": [
                    "iss", "sub", "aud", "client_id", "iat", "exp", "jti", "auth_time", "scope", "roles",
                    "username"
                ],
            })
        );
        // Before any user or key exists.
        assert_eq!(app.proxy.calls().len(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_document_is_cacheable_by_host() {
        let app = TestApp::start().await;
        let response = app.send(app.request(Method::GET, DISCOVERY)).await;
        assert_eq!(
            response.header("cache-control"),
            Some("public, max-age=300")
        );
        assert_eq!(response.header("vary"), Some("Host, Origin"));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}
