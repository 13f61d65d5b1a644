//! Processes that are frozen, start without their tables, receive malformed events, or panic.

use std::time::Duration;

use futures_util::future::join_all;
use local::functions::REGISTRY;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    fleet::{Fleet, Response, event},
    network::{Condition, Disconnect},
    process::LONG,
};

/// Every function with a route.
fn endpoints() -> impl Iterator<Item = &'static str> {
    let names = REGISTRY.iter().map(|(name, _)| *name);
    names.filter(|name| !["authorize", "publish", "send_mail"].contains(name))
}

/// Token and id of a new user.
async fn signed_up(fleet: &mut Fleet) -> (String, String) {
    fleet.run("sign_up").await;
    let response = fleet.replay("sign_up", &[]).await;
    assert_eq!(response.status, 201, "{response:?}");
    let token = response.body["token"].as_str().unwrap().to_owned();
    (token, response.body["user"]["id"].to_string())
}

fn assert_unavailable(function: &str, response: &Response) {
    assert_eq!(response.status, 503, "{function}: {response:?}");
    assert_eq!(
        response.body["code"], "unavailable",
        "{function}: {response:?}"
    );
    assert!(
        response.headers["retry-after"].is_string(),
        "{function}: {response:?}"
    );
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_frozen_process_serves_over_new_connections() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        fleet.run("get_user").await;
        let own = [("{{TOKEN}}", token.as_str()), ("{{USER_ID}}", id.as_str())];
        assert_eq!(fleet.replay("get_user", &own).await.status, 200);
        for end in [Disconnect::Closed, Disconnect::Silent] {
            fleet.processes["get_user"].freeze();
            let mut call = Box::pin(fleet.replay("get_user", &own));
            let early = timeout(Duration::from_millis(100), &mut call).await;
            early.expect_err("a frozen process must not respond");
            fleet.tables.disconnect_all(end).await;
            fleet.processes["get_user"].thaw();
            let response = timeout(LONG, call).await.unwrap();
            assert_eq!(response.status, 200, "{response:?}");
        }
    }
}

mod case_41_unreadable_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cold_start_without_tables_returns_503() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        let zeros = format!("1-{}", "0".repeat(40));
        let values = [
            ("{{TOKEN}}", token.as_str()),
            ("{{USER_ID}}", id.as_str()),
            ("{{RESET_TOKEN}}", zeros.as_str()),
            ("{{CONFIRMATION_KEY}}", zeros.as_str()),
            ("{{REVERT_KEY}}", zeros.as_str()),
        ];
        fleet.tables.set_condition(Condition::Refusing);
        fleet.run_all().await;
        for function in endpoints().filter(|function| *function != "pages") {
            assert_unavailable(function, &fleet.replay(function, &values).await);
        }
        // The pages read no table.
        assert_eq!(fleet.replay("pages", &values).await.status, 200);
        let batch = event("send_mail", &values);
        // Its mails get schedules, so that the stream does not wait for the tables.
        assert_eq!(
            fleet.invoke("send_mail", &batch).await.unwrap(),
            json!({ "batchItemFailures": [] })
        );
        let authorization = event("authorize", &values);
        assert_eq!(fleet.invoke("authorize", &authorization).await, None);
        fleet.tables.set_condition(Condition::Working);
        let authorized = fleet.invoke("authorize", &authorization).await.unwrap();
        assert_eq!(authorized["isAuthorized"], true, "{authorized}");
        for (function, expected) in [
            ("jwks", 200),
            // The username and the address are taken.
            ("sign_up", 400),
            ("log_in", 200),
            ("get_user", 200),
            ("update_details", 200),
            ("reset_password", 404),
            ("reset_password_complete", 400),
            ("confirm_email", 400),
            ("revert_email", 400),
            ("sessions", 200),
            ("log_out", 204),
            ("delete_account", 401),
        ] {
            let response = fleet.replay(function, &values).await;
            assert_eq!(response.status, expected, "{function}: {response:?}");
        }
        assert_eq!(
            fleet.invoke("send_mail", &batch).await.unwrap(),
            json!({ "batchItemFailures": [] })
        );
    }
}

mod case_36_unavailable {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn silent_tables_do_not_hang_a_cold_start() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        let values = [("{{TOKEN}}", token.as_str()), ("{{USER_ID}}", id.as_str())];
        fleet.tables.set_condition(Condition::Silent);
        fleet.run_all().await;
        let functions = ["sign_up", "log_in", "get_user", "log_out", "jwks"];
        let calls = functions.map(|function| fleet.replay(function, &values));
        for (function, response) in functions.iter().zip(join_all(calls).await) {
            assert_unavailable(function, &response);
        }
        fleet.tables.set_condition(Condition::Working);
        assert_eq!(fleet.replay("log_out", &values).await.status, 204);
    }
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_event_fails_one_request() {
        let mut fleet = Fleet::start().await;
        let mut no_base64 = event("log_in", &[]);
        no_base64["body"] = json!("%");
        let mut no_headers = event("log_in", &[]);
        no_headers["headers"] = Value::Null;
        let events = [
            Value::Null,
            json!([]),
            json!({}),
            json!("x"),
            json!(1e300),
            json!({ "version": "1.0", "httpMethod": "POST", "path": "/auth/login" }),
            json!({ "version": "2.0", "requestContext": [] }),
            event("send_mail", &[]),
            no_base64,
            no_headers,
        ];
        for function in endpoints() {
            for event in &events {
                let response = fleet.call(function, event).await;
                assert!(response.status >= 200, "{function} {event}: {response:?}");
                assert_ne!(response.status, 503, "{function} {event}: {response:?}");
            }
        }
        for event in events.iter().filter(|event| !event["Records"].is_array()) {
            let returned = fleet.invoke("send_mail", event).await.unwrap();
            assert_eq!(returned, json!({ "batchItemFailures": [] }), "{event}");
            assert_eq!(fleet.invoke("authorize", event).await, None, "{event}");
        }
        for process in fleet.processes.values_mut() {
            assert!(process.is_running(), "{}", process.log());
        }
        assert_eq!(fleet.replay("sign_up", &[]).await.status, 201);
        assert_eq!(fleet.replay("log_in", &[]).await.status, 200);
    }
}

mod case_35_panics {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_fails_one_request() {
        let mut fleet = Fleet::new().await;
        // No event is known that makes one of our functions panic.
        fleet.spawn("log_in", "examples/panicking").await;
        let mut fine = event("log_in", &[]);
        fine["requestContext"]["http"]["method"] = json!("GET");
        for _ in 0..2 {
            let response = fleet.replay("log_in", &[]).await;
            assert_eq!(response.status, 500, "{response:?}");
            assert_eq!(response.body["code"], "internal", "{response:?}");
            assert_eq!(fleet.call("log_in", &fine).await.status, 204);
        }
        let process = fleet.processes.get_mut("log_in").unwrap();
        assert!(process.is_running(), "{}", process.log());
        assert!(process.log().contains("on purpose"), "{}", process.log());
    }
}
