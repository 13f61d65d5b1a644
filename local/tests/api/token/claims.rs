//! The header and the claims of access tokens (RFC 9068, section 2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    access_tokens::access_token, app::TestApp, signing_keys::jwks, token_forge::part,
};

/// The names of an object's members.
fn names(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

mod case_62_access_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn claims_are_those_of_rfc_9068_and_no_others() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        let key = &jwks(&app).await.json()["keys"][0];
        assert_eq!(
            part(&token, 0),
            json!({"alg": "RS256", "typ": "at+jwt", "kid": key["kid"]})
        );
        let claims = part(&token, 1);
        assert_eq!(
            names(&claims),
            BTreeSet::from([
                "iss",
                "sub",
                "aud",
                "client_id",
                "iat",
                "exp",
                "jti",
                "auth_time"
            ])
        );
        assert_eq!(claims["iss"], app.url(""));
        assert_eq!(
            (&claims["sub"], &claims["iat"]),
            (&json!(user.id.to_string()), &json!(app.now()))
        );
        let again = part(&access_token(&app, &user.token).await, 1);
        assert_ne!(again["jti"], claims["jti"]);
        assert_ne!(part(&user.token, 1)["jti"], claims["jti"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn roles_of_the_record_become_roles_and_scope() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.tables()
            .set_roles(user.id, &["orders:read", "admin"])
            .await;
        let claims = part(&access_token(&app, &user.token).await, 1);
        assert_eq!(claims["roles"], json!(["admin", "orders:read"]));
        assert_eq!(claims["scope"], "admin orders:read");
        // A change of the record keeps the roles.
        let change = json!({"first_name": "John"});
        assert_eq!(app.change(&user.token, change).await.status, 200);
        let claims = part(&access_token(&app, &user.token).await, 1);
        assert_eq!(claims["scope"], "admin orders:read");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn personal_claims_are_chosen_by_the_setting() {
        for (setting, expected) in [
            ("username", json!({"username": "john"})),
            (
                "email,email_verified",
                json!({"email": "john@example.com", "email_verified": false}),
            ),
        ] {
            let app = TestApp::with_settings(&[("ACCESS_TOKEN_CLAIMS", setting)]).await;
            let user = app.sign_up("john").await;
            let mut claims = part(&access_token(&app, &user.token).await, 1);
            let claims = claims.as_object_mut().unwrap();
            for name in [
                "iss",
                "sub",
                "aud",
                "client_id",
                "iat",
                "exp",
                "jti",
                "auth_time",
            ] {
                claims.remove(name).unwrap();
            }
            assert_eq!(Value::Object(claims.clone()), expected);
        }
    }
}
