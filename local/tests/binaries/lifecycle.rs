//! Start and end of processes.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use local::functions::REGISTRY;
use tokio::time::timeout;

use crate::support::{
    fleet::Fleet,
    network::{Condition, Disconnect},
    process::Process,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stops_when_terminated() {
    let mut fleet = Fleet::start().await;
    fleet.tables.set_condition(Condition::Silent);
    fleet.tables.disconnect_all(Disconnect::Closed).await;
    // One process is working, the others are idle.
    let mut call = Box::pin(fleet.replay("sign_up", &[]));
    let early = timeout(Duration::from_millis(100), &mut call).await;
    early.expect_err("the tables must not respond");
    drop(call);
    for (name, process) in &mut fleet.processes {
        process.terminate();
        let status = timeout(Duration::from_secs(5), process.ended()).await;
        let status = status.unwrap_or_else(|_| panic!("{name} still runs: {}", process.log()));
        assert!(
            status.success() || status.signal() == Some(15),
            "{name}: {status}"
        );
    }
}

/// The settings that have a value here, and that a function does without.
const OPTIONAL: [&str; 3] = ["CORS_ORIGINS", "EVENTS_TABLE", "EVENT_BUS_NAME"];

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_setting_does_not_start() {
    let fleet = Fleet::new().await;
    let template = fleet.server.template();
    let of_template = &template.functions[0].environment;
    let from_lambda = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    // Without an endpoint of its own, a process would call AWS.
    let ours = of_template
        .keys()
        .map(String::as_str)
        .filter(|name| !name.starts_with("AWS_ENDPOINT_URL"));
    let settings = ours.chain(from_lambda);
    let functions = REGISTRY.iter().map(|(name, _)| *name).cycle();
    for (setting, function) in settings.zip(functions) {
        let mut environment = fleet.server.environment(function).unwrap().clone();
        // CloudFormation cannot omit a setting, so an empty one counts as missing.
        let is_optional =
            of_template.get(setting).is_some_and(String::is_empty) || OPTIONAL.contains(&setting);
        // With an edge secret, one more setting is required.
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
