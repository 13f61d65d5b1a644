//! `GET /.well-known/jwks.json`.

use serde_json::json;

use crate::support::{
    app::TestApp,
    signing_keys::{jwks, published},
    token_forge::{TokenForge, part, thumbprint, verifies},
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
        assert_eq!(
            response.header("cache-control"),
            Some("public, max-age=300")
        );
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
}
