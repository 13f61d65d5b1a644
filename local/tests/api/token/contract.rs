//! What a client gets from `POST /auth/token`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    access_tokens::{Service, access_token, request_access_token},
    app::TestApp,
    response::{field_error, problem},
    times::DAY_SECONDS,
    token_forge::{assert_token_rejected, part},
};

mod case_62_access_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_is_exchanged_for_an_access_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for body in [Value::Null, json!({})] {
            let response = request_access_token(&app, &user.token, &body).await;
            assert_eq!(response.status, 200, "{response:?}");
            assert_eq!(response.header("cache-control"), Some("no-store"));
            let token = response.json();
            assert_eq!(
                (&token["token_type"], &token["expires_in"]),
                (&json!("Bearer"), &json!(300))
            );
            assert_eq!(token.as_object().unwrap().len(), 3);
            let token = token["access_token"].as_str().unwrap();
            let service = Service::start(&app, "api").await;
            let claims = service.verify(token, app.now()).unwrap();
            assert_eq!(claims["sub"], user.id.to_string());
            assert_eq!(claims["exp"], app.now() + 300);
        }
        // The exchange changes nothing in the user's record.
        assert_eq!(app.tables().record_version(user.id).await, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_client_chooses_an_audience_of_the_setting() {
        let settings = [("ACCESS_TOKEN_AUDIENCES", "orders,https://billing.example")];
        let app = TestApp::with_settings(&settings).await;
        let user = app.sign_up("john").await;
        for (body, expected) in [
            (Value::Null, "orders"),
            (json!({"audience": "orders"}), "orders"),
            (
                json!({"audience": "https://billing.example"}),
                "https://billing.example",
            ),
        ] {
            let response = request_access_token(&app, &user.token, &body).await;
            let token = response.json()["access_token"].as_str().unwrap().to_owned();
            let claims = part(&token, 1);
            assert_eq!(
                (&claims["aud"], &claims["client_id"]),
                (&json!(expected), &json!(expected))
            );
            let other = Service::start(&app, "another").await;
            assert_eq!(other.verify(&token, app.now()), None);
        }
        for unknown in ["", "api", "latchkey", "Orders", "orders,", "orders "] {
            let body = json!({"audience": unknown});
            let response = request_access_token(&app, &user.token, &body).await;
            assert_eq!(
                response.field_errors(),
                [field_error("audience", "invalid")],
                "{unknown}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_session_must_exist() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.log_out(&user.token).await.status, 204);
        let response = request_access_token(&app, &user.token, &Value::Null).await;
        assert_eq!(response.problem(), problem(401, "not_authenticated"));
        // The credential is checked before the body.
        let body = json!({"audience": 1});
        let response = request_access_token(&app, &user.token, &body).await;
        assert_eq!(response.problem(), problem(401, "not_authenticated"));
        assert_token_rejected(&app, &user, "an ended session", &user.token).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_access_token_ends_with_its_session() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        app.advance(Duration::from_secs(14 * DAY_SECONDS - 100));
        let response = request_access_token(&app, &user.token, &Value::Null).await;
        assert_eq!(response.json()["expires_in"], 100, "{response:?}");
        let token = access_token(&app, &user.token).await;
        assert_eq!(part(&token, 1)["exp"], part(&user.token, 1)["exp"]);
        app.advance(Duration::from_secs(100));
        let response = request_access_token(&app, &user.token, &Value::Null).await;
        assert_eq!(response.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_lifetime_is_a_setting() {
        let app = TestApp::with_settings(&[("ACCESS_TOKEN_SECONDS", "60")]).await;
        let user = app.sign_up("john").await;
        let token = access_token(&app, &user.token).await;
        let service = Service::start(&app, "api").await;
        assert!(service.verify(&token, app.now() + 59).is_some());
        assert!(service.verify(&token, app.now() + 60).is_none());
    }
}
