//! `send_mail` as a process that is killed during delivery, or waits for SES in vain.

use std::time::Duration;

use local::Mail;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::{
    fleet::{Fleet, event_with_body, token_in},
    network::{Condition, Disconnect},
    process::LONG,
};

/// Far longer than it takes to call SES.
const DELIVERY_TIME: Duration = Duration::from_secs(2);

/// A fleet with users of these names, each with a queued reset mail, and with SES in this condition before the first of them is queued:
/// the server delivers it within a second.
async fn with_queued_mails(names: &[&str], condition: Condition) -> Fleet {
    // The mails to count are those of the resets.
    let mut fleet = Fleet::with_setting("CONFIRM_LINK_BASE", "").await;
    for function in [
        "sign_up",
        "reset_password",
        "reset_password_complete",
        "send_mail",
    ] {
        fleet.run(function).await;
    }
    fleet.ses.set_condition(condition);
    fleet.ses.disconnect_all(Disconnect::Closed).await;
    for name in names {
        let email = format!("{name}@example.com");
        for (function, body) in [
            (
                "sign_up",
                json!({"username": name, "email": email, "password": "correct horse battery staple"}),
            ),
            ("reset_password", json!({"email": email})),
        ] {
            let event = event_with_body(function, &body);
            let response = fleet.call(function, &event).await;
            assert!([200, 201].contains(&response.status), "{response:?}");
        }
    }
    fleet
}

/// Starts the delivery.
async fn start_delivery(fleet: &Fleet) {
    // The delivery continues in the background.
    let _ = timeout(DELIVERY_TIME, fleet.server.drain()).await;
}

/// Waits until SES has accepted a mail.
async fn wait_for_a_mail(fleet: &Fleet) {
    let accepted = timeout(LONG, async {
        while fleet.server.mails().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    let log = || fleet.processes["send_mail"].log();
    accepted.await.unwrap_or_else(|_| panic!("{}", log()));
}

/// Kills the process that delivers and starts another.
async fn replace_process(fleet: &mut Fleet) {
    fleet.ses.set_condition(Condition::Working);
    fleet.run("send_mail").await;
}

/// All delivered mails, oldest first, once there are `number`.
async fn delivered(fleet: &Fleet, number: usize) -> Vec<Mail> {
    let all = timeout(LONG, async {
        loop {
            fleet.server.drain().await;
            let mut mails = fleet.server.mails();
            if mails.len() >= number {
                mails.reverse();
                return mails;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let mails = all
        .await
        .unwrap_or_else(|_| panic!("{}", fleet.processes["send_mail"].log()));
    fleet.server.drain().await;
    assert_eq!(fleet.server.mails().len(), mails.len());
    mails
}

fn recipients(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.to[0].as_str()).collect()
}

/// The status of a completion with the link in `mail`.
async fn complete(fleet: &Fleet, mail: &Mail) -> u64 {
    let token = token_in(mail);
    let values = [("{{RESET_TOKEN}}", token.as_str())];
    fleet
        .replay("reset_password_complete", &values)
        .await
        .status
}

mod case_40_mail_delivery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_not_yet_sent_is_sent_once() {
        let mut fleet = with_queued_mails(&["john", "jane"], Condition::Silent).await;
        start_delivery(&fleet).await;
        assert_eq!(recipients(&fleet.server.mails()), [""; 0]);
        replace_process(&mut fleet).await;
        let mails = delivered(&fleet, 2).await;
        assert_eq!(recipients(&mails), ["john@example.com", "jane@example.com"]);
        assert_eq!(complete(&fleet, &mails[0]).await, 201);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_sent_but_not_recorded_is_sent_twice() {
        for used in [0, 1] {
            let mut fleet = with_queued_mails(&["john", "jane"], Condition::OneWay).await;
            start_delivery(&fleet).await;
            wait_for_a_mail(&fleet).await;
            assert_eq!(recipients(&fleet.server.mails()), ["john@example.com"]);
            replace_process(&mut fleet).await;
            let mails = delivered(&fleet, 3).await;
            assert_eq!(
                recipients(&mails),
                ["john@example.com", "john@example.com", "jane@example.com"]
            );
            assert_eq!(complete(&fleet, &mails[used]).await, 201);
            assert_eq!(complete(&fleet, &mails[1 - used]).await, 400);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_silent_ses_loses_no_mail() {
        let mut fleet = with_queued_mails(&["john"], Condition::Silent).await;
        // Longer than the timeout of SES, and shorter than that of the function.
        timeout(Duration::from_secs(14), fleet.server.drain())
            .await
            .unwrap();
        assert_eq!(recipients(&fleet.server.mails()), [""; 0]);
        let process = fleet.processes.get_mut("send_mail").unwrap();
        assert!(process.is_running(), "{}", process.log());
        fleet.ses.set_condition(Condition::Working);
        fleet.ses.disconnect_all(Disconnect::Closed).await;
        let mails = delivered(&fleet, 1).await;
        assert_eq!(recipients(&mails), ["john@example.com"]);
        assert_eq!(complete(&fleet, &mails[0]).await, 201);
    }
}
