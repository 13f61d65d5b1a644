//! `send_mail` as a process that is killed in the midst of its work, or waits for SES in vain.

use std::time::Duration;

use local::Mail;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    fleet::{Fleet, event},
    process::LONG,
    wire::{End, Weather},
};

/// Far more than it takes to get to SES.
const A_WHILE: Duration = Duration::from_secs(2);

/// Users of these names, each of whom has asked for a reset link, which nobody has delivered yet.
async fn asked(names: &[&str]) -> Fleet {
    let mut fleet = Fleet::new().await;
    for function in [
        "sign_up",
        "reset_password",
        "reset_password_complete",
        "send_mail",
    ] {
        fleet.run(function).await;
    }
    fleet.ses.end_all(End::Closed).await;
    for name in names {
        let email = format!("{name}@example.com");
        for (function, body) in [
            (
                "sign_up",
                json!({"username": name, "email": email, "password": "correct horse battery staple"}),
            ),
            ("reset_password", json!({"email": email})),
        ] {
            let mut event = event(function, &[]);
            event["body"] = json!(body.to_string());
            event["isBase64Encoded"] = json!(false);
            let answer = fleet.answer(function, &event).await;
            assert!([200, 201].contains(&answer.status), "{answer:?}");
        }
    }
    fleet
}

/// Lets it begin to deliver.
async fn begin(fleet: &Fleet) {
    // It goes on by itself.
    let _ = timeout(A_WHILE, fleet.server.drain()).await;
}

/// Has a new process take the place of the one that is at work, which is killed.
async fn kill(fleet: &mut Fleet) {
    fleet.ses.weather(Weather::Fine);
    fleet.run("send_mail").await;
}

/// Everything that is delivered in the end, oldest first.
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

/// The status that the link in `mail` is answered with.
async fn complete(fleet: &Fleet, mail: &Mail) -> u64 {
    let (_, rest) = mail.text.split_once("?token=").unwrap();
    let is_end = |character: char| !character.is_ascii_alphanumeric() && character != '-';
    let token = rest.split(is_end).next().unwrap();
    let values = [("{{RESET_TOKEN}}", token)];
    fleet.play("reset_password_complete", &values).await.status
}

mod case_40_mails {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_before_ses_has_the_mail_it_is_sent_once_by_the_next_process() {
        let mut fleet = asked(&["john", "jane"]).await;
        fleet.ses.weather(Weather::Silent);
        begin(&fleet).await;
        assert_eq!(recipients(&fleet.server.mails()), [""; 0]);
        kill(&mut fleet).await;
        let mails = delivered(&fleet, 2).await;
        assert_eq!(recipients(&mails), ["john@example.com", "jane@example.com"]);
        assert_eq!(complete(&fleet, &mails[0]).await, 201);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_after_ses_has_the_mail_it_comes_twice_and_either_link_works_once() {
        for used in [0, 1] {
            let mut fleet = asked(&["john", "jane"]).await;
            fleet.ses.weather(Weather::OneWay);
            begin(&fleet).await;
            assert_eq!(recipients(&fleet.server.mails()), ["john@example.com"]);
            kill(&mut fleet).await;
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
    async fn an_ses_that_is_silent_costs_no_process_and_no_mail() {
        let mut fleet = asked(&["john"]).await;
        fleet.ses.weather(Weather::Silent);
        // Longer than it waits for SES, and less than it may take at most.
        timeout(Duration::from_secs(14), fleet.server.drain())
            .await
            .unwrap();
        assert_eq!(recipients(&fleet.server.mails()), [""; 0]);
        let process = fleet.processes.get_mut("send_mail").unwrap();
        assert!(process.is_running(), "{}", process.log());
        fleet.ses.weather(Weather::Fine);
        fleet.ses.end_all(End::Closed).await;
        let mails = delivered(&fleet, 1).await;
        assert_eq!(recipients(&mails), ["john@example.com"]);
        assert_eq!(complete(&fleet, &mails[0]).await, 201);
    }
}
