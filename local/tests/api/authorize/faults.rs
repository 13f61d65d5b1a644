//! Requests whose user cannot be found out: the authorizer fails. API Gateway responds with 500 then, and caches nothing; a
//! refusal would be cached.

use serde_json::{Value, json};

use crate::support::{
    access_tokens::access_token,
    app::{TestApp, event},
    authorizer::{Api, assert_accepted, invoke},
    proxy::error,
    signing_keys::fail_key_calls,
};

mod case_64_authorizer {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unavailable_table_is_no_refusal() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let access = access_token(&app, &user.token).await;
        let throttled = || error(400, "ProvisionedThroughputExceededException");
        // The keys of access tokens are not cached yet.
        fail_key_calls(&app, throttled());
        for api in Api::ALL {
            assert_eq!(invoke(&app, &api.event(&access)).await, None, "{api:?}");
        }
        app.proxy.heal();
        assert_accepted(&app, "an access token", user.id, &access).await;
        assert_accepted(&app, "a session token", user.id, &user.token).await;
        app.proxy.rule(move |_| throttled());
        for api in Api::ALL {
            assert_eq!(invoke(&app, &api.event(&user.token)).await, None, "{api:?}");
        }
        // An access token needs no table.
        assert_accepted(&app, "an access token", user.id, &access).await;
        app.proxy.heal();
        assert_accepted(&app, "a session token later", user.id, &user.token).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_events_fail() {
        let app = TestApp::start().await;
        let mut version_1 = Api::Http.event("x");
        version_1["version"] = json!("1.0");
        let mut other_service = Api::Rest.event("x");
        other_service["methodArn"] = json!("arn:aws:s3:::bucket/stage/key");
        for event in [
            Value::Null,
            json!({}),
            event("get_user"),
            event("send_mail"),
            version_1,
            other_service,
        ] {
            assert_eq!(invoke(&app, &event).await, None, "{event}");
        }
    }
}
