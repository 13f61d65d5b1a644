//! A user's journey through the real binaries, with the events in events/.

use std::collections::BTreeSet;

use local::functions::REGISTRY;
use serde_json::{Value, json};

use crate::support::{
    fleet::{Fleet, event, event_with_body, key_in, token_in},
    network::Disconnect,
};

/// The passwords in the events.
const PASSWORD: &str = "correct horse battery staple";
const NEW_PASSWORD: &str = "seven purple tractors sing";

/// Runs the journey with a `pause` before every step, and returns the secrets that must not be logged.
async fn journey(fleet: &Fleet, pause: impl AsyncFn(&Fleet)) -> Vec<String> {
    let call = async |function: &str, event: Value| {
        pause(fleet).await;
        let response = fleet.call(function, &event).await;
        (response.status, response.body)
    };
    let play = async |function: &str, values: &[(&str, &str)]| {
        call(function, event(function, values)).await
    };
    let mail = async |subject: &str| {
        pause(fleet).await;
        let mail = fleet.mail().await;
        assert_eq!(mail.subject, subject);
        mail
    };
    // The first signer of each kind of token has created a key.
    let (status, keys) = play("jwks", &[]).await;
    assert_eq!(
        (status, keys["keys"].as_array().map(Vec::len)),
        (200, Some(2))
    );
    let (status, signed_up) = play("sign_up", &[]).await;
    assert_eq!(status, 201, "{signed_up}");
    let id = signed_up["user"]["id"].to_string();
    let (status, signed_in) = play("log_in", &[]).await;
    assert_eq!(status, 200, "{signed_in}");
    let token = signed_in["token"].as_str().unwrap();
    let own = [("{{TOKEN}}", token), ("{{USER_ID}}", id.as_str())];
    let got = play("get_user", &own).await;
    assert_eq!(got, (200, signed_up["user"].clone()));
    pause(fleet).await;
    let authorized = fleet.invoke("authorize", &event("authorize", &own)).await;
    assert_eq!(
        authorized.map(|response| response["context"]["user_id"].clone()),
        Some(Value::String(id.clone()))
    );

    pause(fleet).await;
    let key = key_in(&fleet.confirmation().await);
    let confirmation = [("{{CONFIRMATION_KEY}}", key.as_str())];
    assert_eq!(play("confirm_email", &confirmation).await.0, 200);
    assert_eq!(play("confirm_email", &confirmation).await.0, 400);
    let sessions = play("sessions", &own).await.1["sessions"].take();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));

    assert_eq!(play("reset_password", &[]).await.0, 200);
    let revoked = token_in(&mail("Reset your Latchkey password").await);
    let (status, updated) = play("update_details", &own).await;
    assert_eq!(status, 200, "{updated}");
    let revert = key_in(&mail("Your Latchkey e-mail address was changed").await);
    // The address has changed since this link was sent.
    let reset = [("{{RESET_TOKEN}}", revoked.as_str())];
    assert_eq!(play("reset_password_complete", &reset).await.0, 400);

    let request = event_with_body("reset_password", &json!({ "email": updated["email"] }));
    assert_eq!(call("reset_password", request).await.0, 200);
    let valid = token_in(&mail("Reset your Latchkey password").await);
    let reset = [("{{RESET_TOKEN}}", valid.as_str())];
    assert_eq!(play("reset_password_complete", &reset).await.0, 201);
    mail("Your Latchkey password was changed").await;
    assert_eq!(play("reset_password_complete", &reset).await.0, 400);

    assert_eq!(
        play("log_out", &own).await.0,
        401,
        "the reset ended the session"
    );
    let again = json!({ "email": updated["email"], "password": NEW_PASSWORD });
    let (status, signed_in) = call("log_in", event_with_body("log_in", &again)).await;
    assert_eq!(status, 200, "{signed_in}");
    let last = signed_in["token"].as_str().unwrap();
    assert_eq!(play("log_out", &[("{{TOKEN}}", last)]).await.0, 204);
    assert_eq!(play("jwks", &[]).await, (200, keys));
    let values = [("{{REVERT_KEY}}", revert.as_str())];
    assert_eq!(play("revert_email", &values).await.0, 201);
    mail("Your Latchkey password was changed").await;
    let back = json!({ "email": signed_up["user"]["email"], "password": NEW_PASSWORD });
    let (status, signed_in) = call("log_in", event_with_body("log_in", &back)).await;
    assert_eq!(status, 200, "{signed_in}");
    let owners = signed_in["token"].as_str().unwrap();
    let mut deletion = event("delete_account", &[("{{TOKEN}}", owners)]);
    assert_eq!(call("delete_account", deletion.clone()).await.0, 400);
    deletion["body"] = json!({ "current-password": NEW_PASSWORD })
        .to_string()
        .into();
    assert_eq!(call("delete_account", deletion.clone()).await.0, 204);
    mail("Your Latchkey account was deleted").await;
    assert_eq!(call("delete_account", deletion).await.0, 401);
    let secrets = [
        token,
        last,
        owners,
        &revoked,
        &valid,
        &key,
        &revert,
        PASSWORD,
        NEW_PASSWORD,
    ];
    let secrets = secrets.into_iter().chain(["@example.com", "$argon2"]);
    secrets.map(str::to_owned).collect()
}

mod case_42_logs {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_journey_logs_no_secret() {
        let mut fleet = Fleet::start().await;
        let secrets = journey(&fleet, async |_| {}).await;
        for (name, _) in REGISTRY {
            let process = fleet.processes.get_mut(name).unwrap();
            process.terminate();
            process.ended().await;
            let log = process.log();
            for line in log.lines() {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert_ne!(line["level"], "ERROR", "{line}");
            }
            for secret in &secrets {
                assert!(!log.contains(secret), "{secret} in the log of {name}");
            }
        }
    }

    /// Every custom metric costs money. By default only those that an alarm uses are written.
    #[tokio::test(flavor = "multi_thread")]
    async fn basic_monitoring_writes_no_detailed_metrics() {
        let mut fleet = Fleet::with_monitoring("basic").await;
        fleet.run_all().await;
        journey(&fleet, async |_| {}).await;
        let mut metrics = BTreeSet::new();
        for (name, _) in REGISTRY {
            let process = fleet.processes.get_mut(name).unwrap();
            process.terminate();
            process.ended().await;
            for line in process.log().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                let written = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
                metrics.extend(
                    written
                        .into_iter()
                        .flatten()
                        .map(|metric| metric["Name"].as_str().unwrap().to_owned()),
                );
            }
        }
        let expected = [
            "log_in_failed",
            "mail_sent",
            "reset_completed",
            "reset_refused",
            "reset_requested",
        ];
        assert!(metrics.contains("mail_sent"), "{metrics:?}");
        assert!(
            metrics.iter().all(|name| expected.contains(&name.as_str())),
            "{metrics:?}"
        );
    }

    /// Metrics are in CloudWatch's embedded metric format; log lines have the request id, route, outcome and user.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_journey_logs_metrics_and_outcomes() {
        let mut fleet = Fleet::start().await;
        journey(&fleet, async |_| {}).await;
        let mut lines: Vec<(&str, Value)> = Vec::new();
        for (name, _) in REGISTRY {
            let process = fleet.processes.get_mut(name).unwrap();
            process.terminate();
            process.ended().await;
            let log = process.log();
            lines.extend(
                log.lines()
                    .map(|line| (*name, serde_json::from_str(line).unwrap())),
            );
        }
        let counted = |function: &str, metric: &str| {
            let metrics = lines
                .iter()
                .filter(|(name, line)| *name == function && line["_aws"].is_object());
            metrics
                .filter_map(|(_, line)| line[metric].as_u64())
                .sum::<u64>()
        };
        for (function, metric) in [
            ("get_user", "cold_start"),
            ("reset_password", "reset_requested"),
            ("reset_password_complete", "reset_completed"),
            ("send_mail", "mail_sent"),
        ] {
            assert!(
                counted(function, metric) > 0,
                "{function} does not count {metric}"
            );
        }
        let timed = lines
            .iter()
            .find(|(name, line)| *name == "get_user" && line["duration_ms"].is_array());
        let (_, timed) = timed.unwrap();
        assert_eq!(
            timed["_aws"]["CloudWatchMetrics"][0]["Namespace"],
            "Latchkey/local"
        );
        assert_eq!(
            timed["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0],
            json!(["function"])
        );
        let logged = |function: &str, message: &str| {
            let of_function = lines.iter().filter(|(name, _)| *name == function);
            of_function
                .map(|(_, line)| line)
                .find(|line| line["fields"]["message"] == message)
                .unwrap()
                .clone()
        };
        let completed = logged("get_user", "request completed");
        // Without both, Lambda takes a line for INFO.
        let timestamp = completed["timestamp"].as_str().unwrap();
        assert!(
            timestamp.ends_with('Z') && timestamp.len() == 20,
            "{timestamp}"
        );
        assert_eq!(completed["level"], "INFO");
        assert_eq!(
            (&completed["fields"]["status"], &completed["span"]["route"]),
            (&200.into(), &"GET /api/users/{id}".into())
        );
        assert!(
            completed["span"]["request_id"].is_string() && completed["span"]["user"].is_u64(),
            "{completed}"
        );
        let changed = logged("update_details", "account changed");
        assert!(
            changed["fields"]["user"].is_u64() && changed["fields"]["source"].is_string(),
            "{changed}"
        );
        let of_others = lines.iter().filter_map(|(name, line)| {
            let is_change = line["fields"]["message"] == "account changed";
            (is_change && *name != "update_details")
                .then(|| (*name, line["fields"]["change"].clone()))
        });
        assert_eq!(
            of_others.collect::<Vec<_>>(),
            [
                ("confirm_email", json!("EmailConfirmed")),
                ("delete_account", json!("Deleted")),
                ("reset_password_complete", json!("Reset")),
                ("reset_password_complete", json!("EmailConfirmed")),
                ("revert_email", json!("Reverted")),
                ("sign_up", json!("SignedUp")),
            ]
        );
    }
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_call_fails_after_cut_connections() {
        let fleet = Fleet::start().await;
        journey(&fleet, async |fleet| {
            fleet.freeze_and_disconnect(Disconnect::Closed).await;
        })
        .await;
    }
}
