//! An edge, such as CloudFront, in front of API Gateway: its secret, and the client address that it reports.

use serde_json::json;
use shared::domain::digest::sha256_hex;

use crate::support::{
    app::{TestApp, authorize},
    endpoints::FUNCTIONS,
};

mod case_50_edge {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_required_edge_is_checked_before_anything_is_read() {
        let (current, next) = (sha256_hex(b"current secret"), sha256_hex(b"next secret"));
        let app = TestApp::with_settings(&[
            ("REQUIRE_EDGE", "true"),
            ("EDGE_SECRET_HASH", &current),
            ("EDGE_SECRET_HASH_NEXT", &next),
        ])
        .await;
        app.proxy.calls();
        for function in FUNCTIONS {
            for secret in [None, Some(""), Some("a guess"), Some(current.as_str())] {
                let (status, body) = app
                    .invoke(function, |event| {
                        if let Some(secret) = secret {
                            event["headers"]["x-edge-secret"] = json!(secret);
                        }
                    })
                    .await;
                assert_eq!(
                    (status, &body["code"]),
                    (403, &json!("forbidden")),
                    "{function}"
                );
            }
        }
        assert_eq!(
            app.proxy.calls().len(),
            0,
            "a refused request costs no call"
        );
        for secret in ["current secret", "next secret"] {
            for function in FUNCTIONS {
                let (status, body) = app
                    .invoke(function, |event| {
                        event["headers"]["x-edge-secret"] = json!(secret);
                    })
                    .await;
                assert_ne!(status, 403, "{function}: {body}");
            }
        }
        for mail in app.unread_mails() {
            assert!(mail.subject.contains("password"), "{}", mail.subject);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_edge_that_is_not_required_refuses_no_one() {
        let hash = sha256_hex(b"secret");
        let app = TestApp::with_settings(&[("EDGE_SECRET_HASH", &hash)]).await;
        let user = app.sign_up("john").await;
        let (status, _) = app
            .invoke("get_user", |event| authorize(event, &user))
            .await;
        assert_eq!(status, 200);
    }

    /// F7: clients whose address cannot be read were all counted together.
    #[tokio::test(flavor = "multi_thread")]
    async fn unreadable_client_addresses_do_not_share_a_counter() {
        let hash = sha256_hex(b"secret");
        let app = TestApp::with_settings(&[
            ("EDGE_SECRET_HASH", &hash),
            ("CLIENT_ADDRESS_HEADER", "X-Client"),
            ("LIMIT_SIGN_UPS_PER_HOUR", "1"),
        ])
        .await;
        for number in 0..3 {
            let name = format!("user{number}");
            let (status, body) = app
                .invoke("sign_up", |event| {
                    event["headers"]["x-edge-secret"] = json!("secret");
                    event["headers"]["x-client"] = json!("nonsense");
                    event["requestContext"]["http"]["sourceIp"] =
                        json!(format!("192.0.2.{number}"));
                    let body = json!({
                        "username": name,
                        "email": format!("{name}@example.com"),
                        "password": "correct horse battery staple",
                    });
                    event["body"] = json!(body.to_string());
                    event["isBase64Encoded"] = json!(false);
                })
                .await;
            assert_eq!(status, 201, "{body}");
        }
    }
}
