//! What happens to processes on Lambda: they sleep, start without their tables, are handed nonsense, panic and end.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use futures_util::future::join_all;
use local::functions::REGISTRY;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    fleet::{Answer, Fleet, event},
    process::{LONG, Process},
    wire::{End, Weather},
};

/// Every function but `send_mail`.
fn endpoints() -> impl Iterator<Item = &'static str> {
    let names = REGISTRY.iter().map(|(name, _)| *name);
    names.filter(|name| *name != "send_mail")
}

/// Token and id of a user whom the function `sign_up`, started for that, has made.
async fn signed_up(fleet: &mut Fleet) -> (String, String) {
    fleet.run("sign_up").await;
    let answer = fleet.play("sign_up", &[]).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let token = answer.body["token"].as_str().unwrap().to_owned();
    (token, answer.body["user"]["id"].to_string())
}

fn assert_unavailable(function: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{function}: {answer:?}");
    assert_eq!(answer.body["code"], "unavailable", "{function}: {answer:?}");
    assert!(
        answer.headers["retry-after"].is_string(),
        "{function}: {answer:?}"
    );
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_waits_for_a_frozen_process_and_is_served_over_new_connections() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        fleet.run("get_user").await;
        let own = [("{{TOKEN}}", token.as_str()), ("{{USER_ID}}", id.as_str())];
        assert_eq!(fleet.play("get_user", &own).await.status, 200);
        for end in [End::Closed, End::Silence] {
            fleet.processes["get_user"].freeze();
            let mut call = Box::pin(fleet.play("get_user", &own));
            let early = timeout(Duration::from_millis(100), &mut call).await;
            early.expect_err("a frozen process does not answer");
            fleet.tables.end_all(end).await;
            fleet.processes["get_user"].thaw();
            let answer = timeout(LONG, call).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
}

mod case_41_unreadable_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn without_tables_a_cold_start_answers_503_and_serves_once_they_are_there() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        let zeros = format!("1-{}", "0".repeat(40));
        let values = [
            ("{{TOKEN}}", token.as_str()),
            ("{{USER_ID}}", id.as_str()),
            ("{{RESET_TOKEN}}", zeros.as_str()),
        ];
        fleet.tables.weather(Weather::Refusing);
        fleet.run_all().await;
        for function in endpoints() {
            assert_unavailable(function, &fleet.play(function, &values).await);
        }
        let batch = event("send_mail", &values);
        let first = &batch["Records"][0]["dynamodb"]["SequenceNumber"];
        assert_eq!(
            fleet.invoke("send_mail", &batch).await.unwrap(),
            json!({ "batchItemFailures": [{ "itemIdentifier": first }] })
        );
        fleet.tables.weather(Weather::Fine);
        for (function, expected) in [
            ("jwks", 200),
            // The names are taken.
            ("sign_up", 400),
            ("log_in", 200),
            ("get_user", 200),
            ("update_details", 200),
            ("reset_password", 404),
            ("reset_password_complete", 400),
            ("log_out", 204),
        ] {
            let answer = fleet.play(function, &values).await;
            assert_eq!(answer.status, expected, "{function}: {answer:?}");
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
    async fn tables_that_never_answer_do_not_hang_a_cold_start() {
        let mut fleet = Fleet::new().await;
        let (token, id) = signed_up(&mut fleet).await;
        let values = [("{{TOKEN}}", token.as_str()), ("{{USER_ID}}", id.as_str())];
        fleet.tables.weather(Weather::Silent);
        fleet.run_all().await;
        let functions = ["sign_up", "log_in", "get_user", "log_out", "jwks"];
        let calls = functions.map(|function| fleet.play(function, &values));
        for (function, answer) in functions.iter().zip(join_all(calls).await) {
            assert_unavailable(function, &answer);
        }
        fleet.tables.weather(Weather::Fine);
        assert_eq!(fleet.play("log_out", &values).await.status, 204);
    }
}

mod case_34_events {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_malformed_event_costs_one_answer_and_no_process() {
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
                let answer = fleet.answer(function, event).await;
                assert!(answer.status >= 200, "{function} {event}: {answer:?}");
                assert_ne!(answer.status, 503, "{function} {event}: {answer:?}");
            }
        }
        for event in events.iter().filter(|event| !event["Records"].is_array()) {
            let returned = fleet.invoke("send_mail", event).await.unwrap();
            assert_eq!(returned, json!({ "batchItemFailures": [] }), "{event}");
        }
        for process in fleet.processes.values_mut() {
            assert!(process.is_running(), "{}", process.log());
        }
        assert_eq!(fleet.play("sign_up", &[]).await.status, 201);
        assert_eq!(fleet.play("log_in", &[]).await.status, 200);
    }
}

mod case_35_panics {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_costs_one_answer_and_no_process() {
        let mut fleet = Fleet::new().await;
        // No event is known to make one of ours panic.
        fleet.spawn("log_in", "examples/panicking").await;
        let mut fine = event("log_in", &[]);
        fine["requestContext"]["http"]["method"] = json!("GET");
        for _ in 0..2 {
            let answer = fleet.play("log_in", &[]).await;
            assert_eq!(answer.status, 500, "{answer:?}");
            assert_eq!(answer.body["code"], "internal", "{answer:?}");
            assert_eq!(fleet.answer("log_in", &fine).await.status, 204);
        }
        let process = fleet.processes.get_mut("log_in").unwrap();
        assert!(process.is_running(), "{}", process.log());
        assert!(process.log().contains("on purpose"), "{}", process.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_as_soon_as_it_is_told_to() {
    let mut fleet = Fleet::start().await;
    fleet.tables.weather(Weather::Silent);
    fleet.tables.end_all(End::Closed).await;
    // One has work to do, the others wait for some.
    let mut call = Box::pin(fleet.play("sign_up", &[]));
    let early = timeout(Duration::from_millis(100), &mut call).await;
    early.expect_err("the tables do not answer");
    drop(call);
    for (name, process) in &mut fleet.processes {
        process.terminate();
        let status = timeout(Duration::from_secs(5), process.ended()).await;
        let status = status.unwrap_or_else(|_| panic!("{name} goes on: {}", process.log()));
        assert!(
            status.success() || status.signal() == Some(15),
            "{name}: {status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_setting_a_process_does_not_start_and_its_log_names_it() {
    let fleet = Fleet::new().await;
    let template = fleet.server.template();
    let of_template = &template.functions[0].environment;
    let from_lambda = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    // Without an address of its own a process would ask AWS, which is no business of a test.
    let ours = of_template
        .keys()
        .map(String::as_str)
        .filter(|name| !name.starts_with("AWS_ENDPOINT_URL"));
    let settings = ours.chain(from_lambda);
    let functions = REGISTRY.iter().map(|(name, _)| *name).cycle();
    for (setting, function) in settings.zip(functions) {
        let mut environment = fleet.server.environment(function).unwrap().clone();
        // CloudFormation cannot leave a setting out, so empty is as good as missing.
        let is_optional = environment[setting].is_empty();
        // Behind an edge one setting more is needed.
        environment.insert("EDGE_SECRET_HASH".to_owned(), "0".repeat(64));
        environment.remove(setting);
        let mut process = Process::start(function, &environment).await;
        if is_optional {
            process.ready().await;
            continue;
        }
        let status = process.ended().await;
        let log = process.log();
        assert!(!status.success(), "{function} without {setting}: {log}");
        assert!(log.contains(setting), "{function} without {setting}: {log}");
    }
}
