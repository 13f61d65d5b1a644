//! Accepted requests, and the user as the API's integration sees it.

use serde_json::{Value, json};

use crate::support::{
    access_tokens::access_token,
    app::{START, TestApp},
    authorizer::{Api, authorize, authorize_event},
    operator::Operator,
    times::HOUR,
};

mod case_64_authorizer {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_api_gets_the_user_of_either_token() {
        let claims = [("ACCESS_TOKEN_CLAIMS", "username,email,email_verified")];
        let app = TestApp::with_settings(&claims).await;
        let user = app.sign_up("john").await;
        app.confirm(&user).await;
        let operator = Operator::of(&app);
        for role in ["orders:read", "admin"] {
            operator.add_role(user.id, role).await;
        }
        // Strings and numbers only: REST APIs reject anything else.
        let expected = json!({
            "user_id": user.id.to_string(),
            "username": "john",
            "roles": "admin orders:read",
            "email_verified": "true",
            "auth_time": START,
        });
        app.advance(HOUR);
        let access = access_token(&app, &user.token).await;
        for token in [&user.token, &access] {
            for api in Api::ALL {
                let context = authorize(&app, api, token).await;
                assert_eq!(context.as_ref(), Some(&expected), "{api:?}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_access_token_has_only_the_claims_of_the_setting() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        let expected = json!({"user_id": user.id.to_string(), "roles": "", "auth_time": START});
        assert_eq!(authorize(&app, Api::Http, &access).await, Some(expected));
    }

    /// The units of ARCHITECTURE.md, once the keys are cached.
    #[tokio::test(flavor = "multi_thread")]
    async fn session_tokens_cost_a_read_and_access_tokens_none() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        for (token, expected) in [(&user.token, [1.0].as_slice()), (&access, &[])] {
            authorize(&app, Api::Http, token).await.unwrap();
            app.proxy.calls();
            authorize(&app, Api::Http, token).await.unwrap();
            let units: Vec<_> = app.proxy.calls().iter().map(|call| call.units).collect();
            assert_eq!(units, expected);
        }
    }

    /// Browsers cannot set a header of a WebSocket. URLs are logged, so only a token of a few minutes may be in one.
    #[tokio::test(flavor = "multi_thread")]
    async fn only_an_access_token_may_be_in_a_websocket_url() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        let authorize = async |token: &str, is_connection: bool| {
            let mut event = Api::WebSocket.event("");
            event["headers"] = json!({});
            event["multiValueHeaders"] = Value::Null;
            event["queryStringParameters"] = json!({"access_token": token});
            if !is_connection {
                event["requestContext"]["eventType"] = Value::Null;
            }
            authorize_event(&app, Api::WebSocket, &event).await
        };
        let context = authorize(&access, true).await.unwrap();
        assert_eq!(context["user_id"], user.id.to_string());
        assert_eq!(authorize(&access, false).await, None);
        assert_eq!(authorize(&user.token, true).await, None);
    }
}
