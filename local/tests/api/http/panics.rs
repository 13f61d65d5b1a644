//! Panics in a handler.

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_runtime::Context;
use serde_json::{Value, json, value::to_raw_value};
use shared::{
    app::{App, Providers},
    lambda::{Invoke, endpoint},
};

use crate::support::app::{PASSWORD, TestApp, event};

static PANICKED: AtomicBool = AtomicBool::new(false);

async fn call(invoke: &Invoke) -> Value {
    let response = invoke(to_raw_value(&event("jwks")).unwrap(), Context::default()).await;
    serde_json::from_str(response.unwrap().get()).unwrap()
}

mod case_35_panics {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_fails_only_its_request() {
        let app = TestApp::start().await;
        let function = app
            .server
            .template()
            .functions
            .iter()
            .find(|function| function.binary == "jwks")
            .unwrap();
        let lookup = |name: &str| match name {
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            name => function.environment.get(name).cloned(),
        };
        let started = App::start(&lookup, Providers::system()).unwrap();
        let invoke = endpoint(Box::leak(Box::new(started)), |_, _| async {
            assert!(
                PANICKED.swap(true, Ordering::SeqCst),
                "a secret: {PASSWORD}"
            );
            Ok(shared::http::Response::new("{}".to_owned()))
        });
        let response = call(&invoke).await;
        assert_eq!(response["statusCode"], 500);
        assert_eq!(
            response["headers"]["content-type"],
            "application/problem+json"
        );
        let body = response["body"].as_str().unwrap();
        assert!(!body.contains(PASSWORD), "{body}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["status"], &body["code"]),
            (&json!(500), &json!("internal"))
        );
        for _ in 0..2 {
            let response = call(&invoke).await;
            assert_eq!(
                (&response["statusCode"], &response["body"]),
                (&json!(200), &json!("{}"))
            );
        }
    }
}
