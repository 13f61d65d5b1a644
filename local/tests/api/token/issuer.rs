//! The claim `iss`, which equals the issuer of the discovery document.

use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, authorize},
    token_forge::part,
};

/// The issuers of a token and of the discovery document, and the address of the keys, for requests that API Gateway
/// received at `domain`.
async fn issuers(app: &TestApp, session: &str, domain: Value) -> [Value; 3] {
    let user = crate::support::app::TestUser {
        id: 1,
        username: String::new(),
        email: String::new(),
        token: session.to_owned(),
    };
    let (status, body) = app
        .invoke("token", |event| {
            authorize(event, &user);
            event["requestContext"]["domainName"] = domain.clone();
            event["headers"]["host"] = json!("evil.example");
            event["headers"]["x-forwarded-host"] = json!("evil.example");
            event["headers"]["x-forwarded-proto"] = json!("http");
        })
        .await;
    let issuer = if status == 200 {
        part(body["access_token"].as_str().unwrap(), 1)["iss"].take()
    } else {
        json!(status)
    };
    let (status, document) = app
        .invoke("jwks", |event| {
            let path = "/.well-known/openid-configuration";
            let route = format!("GET {path}");
            event["routeKey"] = json!(route);
            event["rawPath"] = json!(path);
            event["requestContext"]["routeKey"] = json!(route);
            event["requestContext"]["http"]["path"] = json!(path);
            event["requestContext"]["domainName"] = domain;
            event["headers"]["host"] = json!("evil.example");
        })
        .await;
    if status == 200 {
        [
            issuer,
            document["issuer"].clone(),
            document["jwks_uri"].clone(),
        ]
    } else {
        [issuer, json!(status), Value::Null]
    }
}

mod case_61_discovery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn without_a_setting_it_is_the_host_that_served() {
        for unset in ["", "latchkey"] {
            let app = TestApp::with_settings(&[("ISSUER", unset)]).await;
            let user = app.sign_up("john").await;
            for domain in ["api.example.com", "API.Example.com"] {
                assert_eq!(
                    issuers(&app, &user.token, json!(domain)).await,
                    [
                        json!("https://api.example.com"),
                        json!("https://api.example.com"),
                        json!("https://api.example.com/.well-known/jwks.json")
                    ]
                );
            }
            for invalid in [
                json!(null),
                json!(""),
                json!("a b"),
                json!("a/b"),
                json!("a@b"),
            ] {
                assert_eq!(
                    issuers(&app, &user.token, invalid).await,
                    [json!(500), json!(500), Value::Null]
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_setting_is_used_for_every_host() {
        let app = TestApp::with_settings(&[("Issuer", "https://id.example.com/v1")]).await;
        let user = app.sign_up("john").await;
        for domain in ["api.example.com", "other.example.com"] {
            assert_eq!(
                issuers(&app, &user.token, json!(domain)).await,
                [
                    json!("https://id.example.com/v1"),
                    json!("https://id.example.com/v1"),
                    json!("https://id.example.com/v1/.well-known/jwks.json")
                ]
            );
        }
    }

    /// The issuer of session tokens is none of these, so that it does not change with the setting.
    #[tokio::test(flavor = "multi_thread")]
    async fn session_tokens_keep_their_issuer() {
        for issuer in ["", "latchkey", "https://id.example.com"] {
            let app = TestApp::with_settings(&[("ISSUER", issuer)]).await;
            let user = app.sign_up("john").await;
            assert_eq!(part(&user.token, 1)["iss"], "latchkey");
        }
    }
}
