//! Access tokens at API Gateway's own authorizer.

use std::time::Duration;

use crate::support::{
    access_tokens::access_token, app::TestApp, jwt_authorizer::JwtAuthorizer, operator::Operator,
    signing_keys::kid, times::DAY_SECONDS, token_forge::part,
};

/// An authorizer for the tokens of `app`.
fn authorizer(app: &TestApp, scopes: &[&str]) -> JwtAuthorizer {
    JwtAuthorizer::new(app.url(""), &["orders", "api"], scopes)
}

mod case_62_access_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn api_gateway_accepts_one_until_it_expires() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        let mut authorizer = authorizer(&app, &[]);
        assert!(authorizer.accepts(&app, &token).await);
        assert!(
            !authorizer.accepts(&app, &user.token).await,
            "a session token"
        );
        assert_eq!(app.log_out(&user.token).await.status, 204);
        app.advance(Duration::from_secs(299));
        assert!(authorizer.accepts(&app, &token).await);
        app.advance(Duration::from_secs(1));
        assert!(
            !authorizer.accepts(&app, &token).await,
            "five minutes after the log-out"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn api_gateway_checks_issuer_audience_and_scope() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        Operator::of(&app).add_role(user.id, "orders:read").await;
        let token = access_token(&app, &user.token).await;
        for (issuer, audience, scopes, expected) in [
            ("", "api", &[][..], true),
            ("", "api", &["orders:read"], true),
            ("", "api", &["orders:write", "orders:read"], true),
            ("", "api", &["orders:write"], false),
            ("", "orders", &[], false),
            ("/", "api", &[], false),
        ] {
            let mut authorizer = JwtAuthorizer::new(app.url(issuer), &[audience], scopes);
            let case = format!("{issuer} {audience} {scopes:?}");
            assert_eq!(authorizer.accepts(&app, &token).await, expected, "{case}");
        }
    }

    /// API Gateway supports RSA only.
    #[tokio::test(flavor = "multi_thread")]
    async fn api_gateway_rejects_es256() {
        let app = TestApp::with_settings(&[("AccessTokenAlgorithm", "ES256")]).await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        assert!(!authorizer(&app, &[]).accepts(&app, &token).await);
    }
}

mod case_63_access_keys {
    use super::*;

    /// Four authorizers that read the keys at different times, and keep them for two hours each.
    #[tokio::test(flavor = "multi_thread")]
    async fn api_gateway_accepts_every_token_through_two_rotations() {
        let app = TestApp::with_settings(&[("SessionDays", "90")]).await;
        let user = app.sign_up("john").await;
        let mut authorizers: Vec<_> = (0..4).map(|_| authorizer(&app, &[])).collect();
        let mut kids = vec![];
        for _ in 0..2 {
            for authorizer in &mut authorizers {
                app.advance(Duration::from_mins(25));
                let token = access_token(&app, &user.token).await;
                assert!(authorizer.accepts(&app, &token).await);
            }
            app.advance(Duration::from_secs(30 * DAY_SECONDS));
            // Until the new key has signed for longer than the old one may be in a cache.
            for _ in 0..18 {
                let token = access_token(&app, &user.token).await;
                kids.push(kid(&token));
                for seconds in [0, 299] {
                    app.advance(Duration::from_secs(seconds));
                    for authorizer in &mut authorizers {
                        let age = app.now() - part(&token, 1)["iat"].as_u64().unwrap();
                        assert!(authorizer.accepts(&app, &token).await, "{age} s old");
                    }
                }
                app.advance(Duration::from_mins(15));
            }
        }
        kids.dedup();
        assert_eq!(kids.len(), 3, "three keys signed");
    }
}
