//! A user's whole journey through the real binaries, by the events of events/.

use local::{Mail, functions::REGISTRY};
use serde_json::{Value, json};

use crate::{
    fleet::{Fleet, event},
    wire::End,
};

/// The passwords that the events hold.
const PASSWORD: &str = "correct horse battery staple";
const NEW_PASSWORD: &str = "seven purple tractors sing";

/// Plays it, with a `pause` before every step; gives what must never be in a log.
async fn journey(fleet: &Fleet, pause: impl AsyncFn(&Fleet)) -> Vec<String> {
    let answer = async |function: &str, event: Value| {
        pause(fleet).await;
        let answer = fleet.answer(function, &event).await;
        (answer.status, answer.body)
    };
    let play = async |function: &str, values: &[(&str, &str)]| {
        answer(function, event(function, values)).await
    };
    let mail = async |subject: &str| {
        pause(fleet).await;
        let mail = fleet.mail().await;
        assert_eq!(mail.subject, subject);
        mail
    };
    // The first signer that started has made a key.
    let (status, keys) = play("jwks", &[]).await;
    assert_eq!(
        (status, keys["keys"].as_array().map(Vec::len)),
        (200, Some(1))
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

    assert_eq!(play("reset_password", &[]).await.0, 200);
    let dead = token_in(&mail("Reset your Latchkey password").await);
    let (status, updated) = play("update_details", &own).await;
    assert_eq!(status, 200, "{updated}");
    mail("Your Latchkey e-mail address was changed").await;
    // The address is another one now, and this link is of the old one's.
    let reset = [("{{RESET_TOKEN}}", dead.as_str())];
    assert_eq!(play("reset_password_complete", &reset).await.0, 400);

    let asked = with_body("reset_password", &json!({ "email": updated["email"] }));
    assert_eq!(answer("reset_password", asked).await.0, 200);
    let good = token_in(&mail("Reset your Latchkey password").await);
    let reset = [("{{RESET_TOKEN}}", good.as_str())];
    assert_eq!(play("reset_password_complete", &reset).await.0, 201);
    mail("Your Latchkey password was changed").await;
    assert_eq!(play("reset_password_complete", &reset).await.0, 400);

    assert_eq!(play("log_out", &own).await.0, 401, "the reset did it");
    let again = json!({ "email": updated["email"], "password": NEW_PASSWORD });
    let (status, signed_in) = answer("log_in", with_body("log_in", &again)).await;
    assert_eq!(status, 200, "{signed_in}");
    let last = signed_in["token"].as_str().unwrap();
    assert_eq!(play("log_out", &[("{{TOKEN}}", last)]).await.0, 204);
    assert_eq!(play("jwks", &[]).await, (200, keys));
    let secrets = [token, last, &dead, &good, PASSWORD, NEW_PASSWORD];
    let secrets = secrets.into_iter().chain(["@example.com", "$argon2"]);
    secrets.map(str::to_owned).collect()
}

/// The event of `function` with another body.
fn with_body(function: &str, body: &Value) -> Value {
    let mut event = event(function, &[]);
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    event
}

fn token_in(mail: &Mail) -> String {
    let (_, rest) = mail.text.split_once("?token=").unwrap();
    let is_end = |character: char| !character.is_ascii_alphanumeric() && character != '-';
    rest.split(is_end).next().unwrap().to_owned()
}

mod case_42_logs {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_events_tell_a_users_journey_and_the_logs_tell_no_secret() {
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
                assert!(!log.contains(secret), "{secret} is in the log of {name}");
            }
        }
    }

    /// What an operator sees of the journey: metrics in CloudWatch's embedded format, and lines with request, route, outcome
    /// and user.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_logs_tell_outcomes_routes_users_and_changes() {
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
            assert!(counted(function, metric) > 0, "{function} counts {metric}");
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
            serde_json::json!(["function"])
        );
        let said = |function: &str, message: &str| {
            let of_function = lines.iter().filter(|(name, _)| *name == function);
            of_function
                .map(|(_, line)| line)
                .find(|line| line["fields"]["message"] == message)
                .unwrap()
                .clone()
        };
        let answered = said("get_user", "request completed");
        assert_eq!(
            (&answered["fields"]["status"], &answered["span"]["route"]),
            (&200.into(), &"GET /api/users/{id}".into())
        );
        assert!(
            answered["span"]["request_id"].is_string() && answered["span"]["user"].is_u64(),
            "{answered}"
        );
        let changed = said("update_details", "account changed");
        assert!(
            changed["fields"]["user"].is_u64() && changed["fields"]["source"].is_string(),
            "{changed}"
        );
    }
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn frozen_between_all_calls_with_every_connection_cut_meanwhile_nothing_fails() {
        let fleet = Fleet::start().await;
        journey(&fleet, async |fleet| fleet.sleep(End::Closed).await).await;
    }
}
